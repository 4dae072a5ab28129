#include "ring/checkpoint.h"

#include "config/error.h"
#include "ring/standard_ring_attention.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

// Checkpoints: what is restored is what was saved, whole or not at all.

namespace ringattn {
namespace {

namespace fs = std::filesystem;

struct Folder {
  fs::path path = fs::temp_directory_path() / fmt::format("ringattn_checkpoint_{}", ::getpid());
  Folder() { fs::remove_all(path); }
  ~Folder() { fs::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
};

RingCheckpoint example(std::int64_t forwards, std::size_t generator_bytes = 100) {
  RingCheckpoint checkpoint{.rank = 1, .world_size = 4, .forwards = forwards};
  checkpoint.statistics.total_sends = 7 * forwards;
  checkpoint.statistics.min_comm_time_ns = 12;
  checkpoint.config.segment_lengths = {16, 32};
  checkpoint.config.dilation_rates = {1, 2};
  checkpoint.config.watchdog_timeout = 1.25;
  for (std::size_t i = 0; i < generator_bytes; ++i)
    checkpoint.generator_state.push_back(
        static_cast<std::uint8_t>((i * 37 + static_cast<std::size_t>(forwards)) % 256));
  return checkpoint;
}

std::string refusal(const std::function<void()>& body) {
  try {
    body();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "nothing";
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// Whether a temporary file lies in the folder: a write that did not come to its end.
bool has_unfinished(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".part" && fs::file_size(entry.path()) > 0) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("what is loaded is what was saved") {
  const Folder folder;
  save_checkpoint(folder.path, example(3));
  CHECK((load_checkpoint(folder.path, 1) == example(3)));
  save_checkpoint(folder.path, example(6));
  CHECK((load_checkpoint(folder.path, 1) == example(6)));
  CHECK(!has_unfinished(folder.path));
}

TEST_CASE("a checkpoint that is missing, cut or changed is refused") {
  const Folder folder;
  CHECK(refusal([&] { load_checkpoint(folder.path, 1); }).find("there is no checkpoint") != std::string::npos);
  save_checkpoint(folder.path, example(3));
  const fs::path path = checkpoint_path(folder.path, 1);
  const std::string whole = text_of(path);
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, whole.size() / 2, whole.size() - 3}) {
    std::ofstream(path, std::ios::binary) << whole.substr(0, length);
    CHECK(refusal([&] { load_checkpoint(folder.path, 1); }) != "nothing");
  }
  std::string changed = whole;
  changed.replace(changed.find("\"forwards\":3"), 12, "\"forwards\":4");
  std::ofstream(path, std::ios::binary) << changed;
  CHECK(refusal([&] { load_checkpoint(folder.path, 1); }).find("damaged") != std::string::npos);
}

TEST_CASE("a checkpoint of another rank, world or configuration is refused by name") {
  const RingCheckpoint saved = example(1);
  CHECK(refusal([&] { check_fits(saved, saved.config, 1, 4); }) == "nothing");
  CHECK(refusal([&] { check_fits(saved, saved.config, 2, 4); }) ==
        "checkpoint: of rank 1 of 4, but this is rank 2 of 4");
  CHECK(refusal([&] { check_fits(saved, saved.config, 1, 8); }) ==
        "checkpoint: of rank 1 of 4, but this is rank 1 of 8");
  RingAttentionConfig other = saved.config;
  other.dropout = 0.5;
  CHECK(refusal([&] { check_fits(saved, other, 1, 4); }) ==
        "checkpoint: dropout was 0.0 when it was written and is 0.5 now");
}

TEST_CASE("a process that is killed in the middle of a write leaves the checkpoint before it, whole") {
  const Folder folder;
  constexpr std::size_t kBytes = std::size_t{4} << 20;  // writing takes long enough to be met
  save_checkpoint(folder.path, example(1, kBytes));
  int met = 0;
  for (int attempt = 0; attempt < 40 && met < 2; ++attempt) {
    const RingCheckpoint before = load_checkpoint(folder.path, 1);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      for (std::int64_t forwards = before.forwards + 1;; ++forwards)
        save_checkpoint(folder.path, example(forwards, kBytes));
    }
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    bool is_writing = false;
    while (!is_writing && std::chrono::steady_clock::now() < give_up) {
      try {
        is_writing = has_unfinished(folder.path);
      } catch (const fs::filesystem_error&) {  // the file was renamed while it was looked at
      }
      if (!is_writing) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFSIGNALED(status));
    REQUIRE(WTERMSIG(status) == SIGKILL);
    if (has_unfinished(folder.path)) ++met;
    // Whole, and one that was written whole: the one before, or a later one.
    const RingCheckpoint after = load_checkpoint(folder.path, 1);
    CHECK(after.forwards >= before.forwards);
    CHECK((after == example(after.forwards, kBytes)));
    for (const auto& entry : fs::directory_iterator(folder.path)) {
      if (entry.path().extension() == ".part") fs::remove(entry.path());
    }
  }
  CHECK(met == 2);
}

TEST_CASE("an attention goes on where its checkpoint was, the generator too") {
  const Folder folder;
  const RankInputs full = testing::full_inputs(1, 40, 2, 8, at::kFloat);
  RingAttentionConfig config = testing::ring_config("dilated", "[20, 40]", "[1, 2]");
  config.checkpoint_frequency = 2;
  std::vector<RingCheckpoint> at_two(3);
  at::Tensor drawn_after_two;
  spawn_ranks(3, [&](Communicator& communicator) {
    StandardRingAttention attention(config, communicator);
    attention.set_checkpoint_folder(folder.path);
    for (int step = 1; step <= 3; ++step) {
      (void)attention.forward(full.query, full.key, full.value);
      communicator.barrier();
      if (step == 2) {
        at_two[static_cast<std::size_t>(communicator.rank())] = attention.checkpoint();
        communicator.barrier();
        if (communicator.rank() == 0) drawn_after_two = at::rand({5});
        communicator.barrier();
      }
    }
    CHECK(attention.forwards() == 3);
  });
  spawn_ranks(3, [&](Communicator& communicator) {
    StandardRingAttention attention(config, communicator);
    attention.restore(folder.path);
    CHECK((attention.checkpoint() == at_two[static_cast<std::size_t>(communicator.rank())]));
    communicator.barrier();
    if (communicator.rank() == 0) CHECK(at::equal(at::rand({5}), drawn_after_two));
    (void)attention.forward(full.query, full.key, full.value);
    CHECK(attention.forwards() == 3);
    RingAttentionConfig other = config;
    other.dropout = 0.5;
    StandardRingAttention another(other, communicator);
    CHECK_THROWS_AS(another.restore(folder.path), UsageError);
  });
}

}  // namespace ringattn

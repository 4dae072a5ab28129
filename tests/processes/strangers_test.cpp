#include "comm/process_card.h"
#include "comm/process_group.h"
#include "comm/process_join.h"
#include "comm/world.h"
#include "tests/processes/trial.h"

#include <doctest/doctest.h>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <arpa/inet.h>
#include <filesystem>
#include <fstream>
#include <future>
#include <netinet/in.h>
#include <set>
#include <sstream>
#include <sys/socket.h>
#include <tensorpipe/tensorpipe.h>
#include <thread>

namespace ringattn {
namespace {

using std::chrono::milliseconds;
using testing::Ranks;
using testing::TrialRank;

constexpr milliseconds deadline(8000);

ProcessCard card_of_rank_0(int port) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<std::uint16_t>(port);
  options.timeout = deadline;
  c10d::TCPStore store("127.0.0.1", options);
  const std::vector<std::uint8_t> text = store.get("ringattn//0");
  return ProcessCard::from_text({text.begin(), text.end()});
}

/// Joins as one of two and goes round once.
bool join(int rank, int port, int listener) {
  ProcessPlace place{.rank = rank, .world_size = 2};
  place.master_address = "127.0.0.1";
  place.master_port = port;
  if (listener >= 0) place.listener = listener;
  const auto group = std::make_shared<ProcessGroup>(join_processes(place, {.deadline = deadline}), deadline);
  return group->any_of(rank == 1);
}

TEST_CASE("who does not know the word is not let in, and keeps nobody else out") {
  LoopbackPort port;
  const int listener = port.release();
  std::future<bool> first = std::async(std::launch::async, join, 0, port.port(), listener);
  const ProcessCard card = card_of_rank_0(port.port());
  tensorpipe::Context stranger;
  stranger.registerTransport(0, "uv", tensorpipe::transport::uv::create());
  stranger.registerChannel(0, "basic", tensorpipe::channel::basic::create());
  std::vector<std::shared_ptr<tensorpipe::Pipe>> pipes;
  for (const char* word :
       {"ringattn-1 1 not-the-token 0", "ringattn-1 1  0", "hello", "", "ringattn-1 1 not-the-token 9"}) {
    pipes.push_back(stranger.connect(card.url));
    tensorpipe::Message message;
    message.metadata = word;
    pipes.back()->write(message, [](const tensorpipe::Error&) {});
  }
  std::this_thread::sleep_for(milliseconds(100));
  CHECK(join(1, port.port(), -1));
  CHECK(first.get());
  stranger.close();
  stranger.join();
}

/// Says something that is no word of any protocol here, and goes.
void shout(int port) {
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    const std::string words = "GET / HTTP/1.0\r\n\r\n" + std::string(4096, '\xff');
    CHECK(send(connection, words.data(), words.size(), MSG_NOSIGNAL) >= -1);
  }
  close(connection);
}

int port_of(const std::string& url) { return std::stoi(url.substr(url.rfind(':') + 1)); }

TEST_CASE("stray bytes during set-up may cost the attempt: never a hang, nor a wrong result") {
  for (const bool at_listener : {false, true}) {
    CAPTURE(at_listener);
    const LoopbackPort port;
    Ranks ranks;
    const auto start = [&](int rank) {
      ranks.push_back(std::make_unique<TrialRank>(std::vector<std::string>{"3", "1", "4000"},
                                                  testing::variables_of(rank, 2, port),
                                                  rank == 0 ? port.descriptor() : -1));
    };
    start(0);
    shout(at_listener ? port_of(card_of_rank_0(port.port()).url) : port.port());
    start(1);
    for (const auto& rank : ranks) {
      const int code = rank->wait(deadline);
      CHECK(code >= 0);
      const std::string error = rank->error();
      CHECK(error.find("wrong data") == std::string::npos);
      CHECK((code == 0 || !error.empty()));
    }
  }
}

/// The sockets that a process listens at.
std::vector<std::string> listeners_of(pid_t process) {
  std::set<std::string> own;
  const std::string folder = "/proc/" + std::to_string(process);
  for (const auto& entry : std::filesystem::directory_iterator(folder + "/fd")) {
    std::error_code ignored;
    own.insert(std::filesystem::read_symlink(entry.path(), ignored).string());
  }
  std::vector<std::string> listening;
  for (const char* table : {"/net/tcp", "/net/tcp6"}) {
    std::ifstream file(folder + table);
    std::string line;
    while (std::getline(file, line)) {
      std::istringstream fields(line);
      std::string number, local, remote, state, queues, timer, retransmits, user, timeout, inode;
      fields >> number >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
      if (state == "0A" && own.contains("socket:[" + inode + "]")) listening.push_back(local);
    }
  }
  return listening;
}

TEST_CASE("once all are connected nobody listens") {
  Ranks ranks = testing::start(3, 100'000, deadline);
  for (const auto& rank : ranks) {
    REQUIRE(rank->is_ready());
    CHECK(listeners_of(rank->id()).empty());
  }
}

}  // namespace
}  // namespace ringattn

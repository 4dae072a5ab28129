#include "compare/replay.h"

#include "attention/interface.h"
#include "config/error.h"
#include "measure/rank_world.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <stdexcept>
#include <utility>

namespace ringattn {
namespace {

using Kind = RankReplay::Kind;
constexpr std::chrono::milliseconds hang_deadline{1000};  ///< where ranks are recorded to wait for ever

/// Ranks that ended differently are watched each for itself: a rank that raises must not wake those that wait.
bool is_apart(const Recording& recording) {
  return !recording.rank_results.empty() || recording.result == RecordedResult::hangs;
}

TensorsByName rank_inputs(const Recording& recording, int rank) {
  TensorsByName inputs = recording.drawn[static_cast<std::size_t>(rank)];
  for (const auto& [name, tensor] : recording.inputs) inputs.emplace(name, tensor);
  for (auto& [name, tensor] : inputs) tensor = tensor.clone();
  return inputs;
}

/// One call on one rank: fills `out` or `gradients`.
using RankCall = std::function<void(Communicator& communicator, RankReplay& result)>;

/// Runs it. `is_over` tells a wait that reached the deadline from a transport that broke.
RankReplay run_rank(Communicator& communicator, const RankCall& call, const std::function<bool()>& is_over) {
  try {
    RankReplay result{Kind::tensor, {}, {}, {}};
    call(communicator, result);
    return result;
  } catch (const ReleasedCodeRaised& raised) {
    return {Kind::raises, {}, raised.what(), {}};
  } catch (const Unavailable& reason) {
    return {Kind::refused, {}, reason.what(), {}};
  } catch (const RuntimeFailure& failure) {
    return {is_over() ? Kind::hangs : Kind::broke, {}, failure.what(), {}};
  } catch (const std::exception& error) {
    return {Kind::broke, {}, error.what(), {}};
  }
}

RankCall forward_call(const Recording& recording, const ReplaySubject& subject) {
  return [&recording, &subject](Communicator& communicator, RankReplay& result) {
    result.out = subject.run(communicator, rank_inputs(recording, communicator.rank()));
    if (!result.out.defined()) throw std::runtime_error("it returned no tensor");
  };
}

RankCall training_call(const Recording& recording, const ReplaySubject& subject, const at::Tensor& grad_out) {
  return [&recording, &subject, &grad_out](Communicator& communicator, RankReplay& result) {
    result.gradients = subject.gradients(communicator, rank_inputs(recording, communicator.rank()), grad_out);
  };
}

/// What ended a rank, beside an abort that another rank caused.
bool is_cause(const RankReplay& rank) {
  return rank.kind != Kind::tensor && rank.text.find(": aborted by rank ") == std::string::npos;
}

std::vector<RankReplay> run_all(World& world, const Recording& recording, const RankCall& call) {
  std::vector<RankReplay> ranks(static_cast<std::size_t>(world.size()));
  const bool apart = is_apart(recording);
  const auto started = std::chrono::steady_clock::now();
  const auto is_over = [&] { return apart && std::chrono::steady_clock::now() - started >= hang_deadline; };
  try {
    world.run([&](Communicator& communicator) {
      RankReplay& own = ranks[static_cast<std::size_t>(communicator.rank())];
      own = run_rank(communicator, call, is_over);
      if (!apart && own.kind != Kind::tensor) communicator.abort(own.text);
    });
  } catch (const RuntimeFailure& failure) {
    // An abort is known by its rank already. A message that nobody received is new, unless ranks ended apart.
    const bool is_known = apart || std::any_of(ranks.begin(), ranks.end(), is_cause);
    if (!is_known) ranks.front() = {Kind::broke, {}, failure.what(), {}};
  }
  return ranks;
}

std::string_view text_of(Kind kind) {
  constexpr std::array<std::string_view, 5> words{"returns a tensor", "raises", "waits for ever", "breaks",
                                                  "is refused"};
  return words[static_cast<std::size_t>(kind)];
}

std::string described(const RankReplay& rank) {
  const bool says_itself = rank.kind == Kind::raises;
  if (says_itself) return rank.text;
  return std::string(text_of(rank.kind)) +
         (rank.text.empty() || rank.kind == Kind::hangs ? "" : " (" + rank.text + ")");
}

std::string wanted_text(const Recording& recording, RecordedResult result) {
  if (result == RecordedResult::tensor) return "a tensor";
  if (result == RecordedResult::hangs) return "a wait for ever";
  return "raises: " + recording.error + ": " + recording.message;
}

bool is_kind(const RankReplay& rank, RecordedResult result) {
  return (rank.kind == Kind::tensor && result == RecordedResult::tensor) ||
         (rank.kind == Kind::raises && result == RecordedResult::raises) ||
         (rank.kind == Kind::hangs && result == RecordedResult::hangs);
}

/// "rank 1 …" for the first rank that differs from its recording; empty: none does.
std::string rank_difference(const Recording& recording, const RankReplay& got, int rank) {
  const RecordedResult wanted = recording.result_of(rank);
  const std::string who = "rank " + std::to_string(rank) + ": ";
  if (!is_kind(got, wanted)) return who + described(got) + "; recorded: " + wanted_text(recording, wanted);
  if (wanted != RecordedResult::tensor) return {};
  const at::Tensor& want = recording.outputs[static_cast<std::size_t>(rank)];
  if (!want.defined()) return {};
  const std::string words = tensor_difference(got.out, want, recording.alias);
  return words.empty() ? words : who + words;
}

ReplayVerdict judge(const Recording& recording, const std::vector<RankReplay>& ranks) {
  for (const RankReplay& rank : ranks) {
    if (rank.kind == Kind::refused) return {ReplayOutcome::refused, rank.text};
  }
  if (recording.rank_results.empty() && recording.result == RecordedResult::raises) {
    const auto raised = [](const RankReplay& rank) { return rank.kind == Kind::raises; };
    if (std::any_of(ranks.begin(), ranks.end(), raised)) return {};
  }
  // What caused the end of the others is told before what it caused.
  for (const bool causes_only : {true, false}) {
    for (int rank = 0; rank < recording.world_size; ++rank) {
      const RankReplay& got = ranks[static_cast<std::size_t>(rank)];
      if (causes_only && !is_cause(got)) continue;
      std::string words = rank_difference(recording, got, rank);
      if (!words.empty()) return {ReplayOutcome::differs, std::move(words)};
    }
  }
  return {};
}

/// "rank 1: gradient after key: …" for the first that differs from its recording; empty: none does.
std::string gradient_difference(const Recording& recording, const RankReplay& got, int rank) {
  const RecordedGradient& recorded = *recording.gradient;
  const std::string who = "rank " + std::to_string(rank) + ": training: ";
  if (!is_kind(got, recorded.result)) {
    const bool is_tensor = recorded.result == RecordedResult::tensor;
    return who + described(got) +
           "; recorded: " + (is_tensor ? "gradients" : "raises: " + recorded.error + ": " + recorded.message);
  }
  if (recorded.result != RecordedResult::tensor) return {};
  for (const auto& [name, want] : recorded.ranks[static_cast<std::size_t>(rank)]) {
    const auto found = got.gradients.find(name);
    if (found == got.gradients.end()) return who + "no gradient after " + name;
    const std::string words = tensor_difference(found->second, want, recording.alias);
    if (!words.empty()) return who + "gradient after " + name + ": " + words;
  }
  return {};
}

ReplayVerdict judge_gradient(const Recording& recording, const std::vector<RankReplay>& ranks) {
  for (const RankReplay& rank : ranks) {
    if (rank.kind == Kind::refused) return {ReplayOutcome::refused, rank.text};
  }
  for (int rank = 0; rank < recording.world_size; ++rank) {
    std::string words = gradient_difference(recording, ranks[static_cast<std::size_t>(rank)], rank);
    if (!words.empty()) return {ReplayOutcome::differs, std::move(words)};
  }
  return {};
}

/// All ranks refused with the reason.
std::vector<RankReplay> all_refused(const Recording& recording, const std::string& why) {
  const RankReplay refused{Kind::refused, {}, why, {}};
  return std::vector<RankReplay>(static_cast<std::size_t>(recording.world_size), refused);
}

}  // namespace

/// By size, and by whether a wait for ever is expected.
struct Replayer::Worlds {
  World& get(int size, bool hangs) {
    auto& world = kept[{size, hangs}];
    WorldOptions options;
    options.timeout = hangs ? hang_deadline : wait;
    if (!world) world = std::make_unique<RankWorld>(size, std::move(options), 1);
    return world->world();
  }
  std::chrono::milliseconds wait{};
  std::map<std::pair<int, bool>, std::unique_ptr<RankWorld>> kept{};
};

Replayer::Replayer(ReplayLookup lookup, std::chrono::milliseconds wait)
    : lookup_(std::move(lookup)), worlds_(std::make_unique<Worlds>(Worlds{.wait = wait})) {}
Replayer::~Replayer() = default;

ReplayVerdict Replayer::replay(const Recording& recording) {
  const ReplaySubject subject = lookup_(recording);
  if (!subject.run) return {ReplayOutcome::refused, subject.refused};
  World& world = worlds_->get(recording.world_size, is_apart(recording));
  const ReplayVerdict forward = judge(recording, run_all(world, recording, forward_call(recording, subject)));
  if (forward.outcome != ReplayOutcome::matched || !recording.gradient) return forward;
  return judge_gradient(recording, run_gradients(recording, recording.gradient->grad_out));
}

std::vector<RankReplay> Replayer::run(const Recording& recording) {
  const ReplaySubject subject = lookup_(recording);
  if (!subject.run) return all_refused(recording, subject.refused);
  World& world = worlds_->get(recording.world_size, is_apart(recording));
  return run_all(world, recording, forward_call(recording, subject));
}

std::vector<RankReplay> Replayer::run_gradients(const Recording& recording, const at::Tensor& grad_out) {
  const ReplaySubject subject = lookup_(recording);
  if (!subject.run) return all_refused(recording, subject.refused);
  if (!subject.gradients) return all_refused(recording, "nothing gives its gradients");
  World& world = worlds_->get(recording.world_size, is_apart(recording));
  return run_all(world, recording, training_call(recording, subject, grad_out));
}

std::string_view to_string(ReplayOutcome outcome) {
  constexpr std::array<std::string_view, 3> words{"matched", "differs", "refused"};
  return words[static_cast<std::size_t>(outcome)];
}

}  // namespace ringattn

#include "comm/process_join.h"

#include "comm/host_address.h"
#include "comm/meeting_point.h"
#include "comm/process_card.h"
#include "comm/tensorpipe_links.h"
#include "comm/words.h"
#include "config/error.h"

#include <csignal>
#include <fstream>
#include <random>
#include <sstream>

namespace ringattn {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// Processes of different builds may mean different things by the same words.
constexpr const char* kProtocol = "ringattn-1";

/// 128 bits that nobody outside can guess.
std::string new_token() {
  std::random_device source;
  std::ostringstream token;
  for (int i = 0; i < 4; ++i) token << std::hex << source() << (i < 3 ? "-" : "");
  return token.str();
}

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

std::string own_address(const ProcessPlace& place) {
  if (place.interface.empty()) return address_towards(place.master_address);
  const auto [error, address] = tensorpipe::transport::uv::lookupAddrForIface(place.interface);
  if (error) throw UsageError("RINGATTN_INTERFACE: \"" + place.interface + "\" has no address: " + error.what());
  return address;
}

std::string url_of(const std::string& address) {
  return address.find(':') == std::string::npos ? "uv://" + address : "uv://[" + address + "]";
}

/// Makes one process's side of all pipes.
class Meeting {
 public:
  Meeting(const ProcessPlace& place, const JoinOptions& options)
      : place_(place),
        options_(options),
        end_(Clock::now() + options.deadline),
        context_(std::make_unique<tensorpipe::Context>(tensorpipe::ContextOptions().name(rank_name(place.rank)))),
        state_(std::make_shared<State>()) {
    state_->peers.resize(static_cast<std::size_t>(place.world_size));
    context_->registerTransport(0, "uv", tensorpipe::transport::uv::create());
    context_->registerChannel(0, "basic", tensorpipe::channel::basic::create());
    own_.host = boot_id();
    own_.token = new_token();
    if (options.reads_memory) use_memory();
  }

  ~Meeting() {
    if (context_ == nullptr) return;
    context_->close();
    context_->join();
  }

  std::unique_ptr<ProcessLinks> hold() {
    point_ = std::make_unique<MeetingPoint>(place_, options_.deadline, end_);
    listen();
    exchange_cards();
    for (int peer = 0; peer < place_.rank; ++peer) dial(peer);
    await_pipes();
    say_ready();
    stop_listening();
    describe_peers();
    return std::make_unique<TensorPipeLinks>(place_.rank, std::move(context_), std::move(state_->peers));
  }

 private:
  /// What callbacks touch; it outlives them.
  struct State {
    std::mutex mutex;
    std::condition_variable bell;
    std::vector<PeerPipes> peers;
    std::vector<std::string> words;  ///< by which each peer is let in
    std::size_t standing = 0;
    std::size_t ready = 0;
    std::string error;
    std::shared_ptr<tensorpipe::Listener> listener;
    std::vector<std::shared_ptr<tensorpipe::Pipe>> strangers;  ///< who have not said the word yet
  };
  using StatePtr = std::shared_ptr<State>;
  using PipePtr = std::shared_ptr<tensorpipe::Pipe>;

  void use_memory() {
    const auto memory = tensorpipe::channel::cma::create();
    if (!memory->isViable()) return;
    const auto& descriptors = memory->deviceDescriptors();
    const auto found = descriptors.find(tensorpipe::Device(tensorpipe::kCpuDeviceType, 0));
    if (found != descriptors.end()) own_.memory = found->second;
    context_->registerChannel(2, "cma", memory);
  }

  void stop_listening() {
    std::vector<PipePtr> strangers;
    {
      const std::lock_guard<std::mutex> lock(state_->mutex);
      strangers.swap(state_->strangers);
    }
    for (const PipePtr& stranger : strangers) stranger->close();
    state_->listener->close();
    const std::lock_guard<std::mutex> lock(state_->mutex);
    state_->listener.reset();
  }

  void listen() {
    state_->listener = context_->listen({url_of(own_address(place_))});
    own_.url = state_->listener->url("uv");
    accept(state_);
  }

  void exchange_cards() {
    {
      // Before the others see the card: whoever has read it may dial at once.
      const std::lock_guard<std::mutex> lock(state_->mutex);
      for (int peer = 0; peer < place_.world_size; ++peer) state_->words.push_back(hello(peer, own_.token));
    }
    cards_ = point_->exchange(own_);
  }

  static std::string hello(int rank, const std::string& token) {
    return std::string(kProtocol) + " " + std::to_string(rank) + " " + token;
  }

  /// Takes whoever comes, and lets in who says the word.
  static void accept(const StatePtr& state) {
    std::shared_ptr<tensorpipe::Listener> listener;
    {
      const std::lock_guard<std::mutex> lock(state->mutex);
      listener = state->listener;
    }
    if (listener == nullptr) return;
    listener->accept([state](const tensorpipe::Error& error, const PipePtr& pipe) {
      if (error) return;
      {
        const std::lock_guard<std::mutex> lock(state->mutex);
        state->strangers.push_back(pipe);
      }
      tensorpipe::Pipe* guest = pipe.get();
      guest->readDescriptor([state, guest](const tensorpipe::Error& failed, const tensorpipe::Descriptor& words) {
        if (!failed && words.payloads.empty() && words.tensors.empty()) let_in(state, guest, words.metadata);
      });
      accept(state);
    });
  }

  /// The word is "<protocol> <rank> <token> <pipe>".
  static void let_in(const StatePtr& state, tensorpipe::Pipe* guest, const std::string& said) {
    const std::size_t space = said.rfind(' ');
    const std::string word = said.substr(0, space);
    const std::string number = space == std::string::npos ? "" : said.substr(space + 1);
    if (number.size() != 1 || number[0] < '0' || number[0] >= '0' + static_cast<int>(PeerPipes::count)) return;
    const auto place = static_cast<std::size_t>(number[0] - '0');
    PipePtr pipe;
    {
      const std::lock_guard<std::mutex> lock(state->mutex);
      const auto known = std::find(state->words.begin(), state->words.end(), word);
      const auto found = std::find_if(state->strangers.begin(), state->strangers.end(),
                                      [&](const PipePtr& each) { return each.get() == guest; });
      if (known == state->words.end() || found == state->strangers.end()) return;
      PipePtr& own = state->peers[static_cast<std::size_t>(known - state->words.begin())].pipes[place];
      if (own != nullptr) return;
      own = pipe = *found;
      state->strangers.erase(found);
    }
    pipe->read({}, [](const tensorpipe::Error&) {});
    tensorpipe::Message welcome;
    welcome.metadata = "welcome";
    pipe->write(std::move(welcome), [state](const tensorpipe::Error& error) { stand(state, error, "a guest"); });
  }

  static void stand(const StatePtr& state, const tensorpipe::Error& error, const std::string& peer) {
    const std::lock_guard<std::mutex> lock(state->mutex);
    if (error && state->error.empty()) state->error = peer + ": " + error.what();
    if (!error) ++state->standing;
    state->bell.notify_all();
  }

  void dial(int peer) {
    const ProcessCard& card = cards_[static_cast<std::size_t>(peer)];
    for (std::size_t i = 0; i < PeerPipes::count; ++i) {
      const PipePtr pipe = context_->connect(card.url, tensorpipe::PipeOptions().remoteName(rank_name(peer)));
      tensorpipe::Message word;
      word.metadata = hello(place_.rank, card.token) + " " + std::to_string(i);
      pipe->write(std::move(word), [](const tensorpipe::Error&) {});
      pipe->readDescriptor([state = state_, raw = pipe.get(), peer](const tensorpipe::Error& error,
                                                                    const tensorpipe::Descriptor& words) {
        if (error || words.metadata != "welcome") return stand(state, error, rank_name(peer));
        raw->read({}, [state, peer](const tensorpipe::Error& failed) { stand(state, failed, rank_name(peer)); });
      });
      const std::lock_guard<std::mutex> lock(state_->mutex);
      state_->peers[static_cast<std::size_t>(peer)].pipes[i] = pipe;
    }
  }

  void await(const std::function<bool()>& done, const std::string& what) {
    std::unique_lock<std::mutex> lock(state_->mutex);
    state_->bell.wait_until(lock, end_, [&] { return done() || !state_->error.empty(); });
    if (!state_->error.empty()) throw RuntimeFailure(rank_name(place_.rank) + ": while connecting: " + state_->error);
    if (!done())
      throw RuntimeFailure(rank_name(place_.rank) + ": " + what + " within " +
                           std::to_string(options_.deadline.count()) + " ms");
  }

  void await_pipes() {
    const std::size_t all = PeerPipes::count * static_cast<std::size_t>(place_.world_size - 1);
    await([&] { return state_->standing == all; }, "not all peers have connected");
  }

  /// When everybody is ready, nobody needs the store or a listener any more.
  void say_ready() {
    for (int peer = 0; peer < place_.world_size; ++peer) {
      if (peer == place_.rank) continue;
      const PipePtr pipe = state_->peers[static_cast<std::size_t>(peer)].pipes[0];
      tensorpipe::Message ready;
      ready.metadata = "ready";
      pipe->write(std::move(ready), [](const tensorpipe::Error&) {});
      pipe->readDescriptor(
          [state = state_, raw = pipe.get(), peer](const tensorpipe::Error& error, const tensorpipe::Descriptor&) {
            if (error) return stand(state, error, rank_name(peer));
            raw->read({}, [state, peer](const tensorpipe::Error& failed) {
              if (failed) return stand(state, failed, rank_name(peer));
              const std::lock_guard<std::mutex> lock(state->mutex);
              ++state->ready;
              state->bell.notify_all();
            });
          });
    }
    const auto others = static_cast<std::size_t>(place_.world_size - 1);
    await([&] { return state_->ready == others; }, "not all peers are ready");
  }

  void describe_peers() {
    for (int peer = 0; peer < place_.world_size; ++peer) {
      const ProcessCard& card = cards_[static_cast<std::size_t>(peer)];
      PeerPipes& pipes = state_->peers[static_cast<std::size_t>(peer)];
      pipes.shares_host = !own_.host.empty() && card.host == own_.host;
      pipes.carrier = !own_.memory.empty() && card.memory == own_.memory ? "cma" : "tcp";
    }
  }

  const ProcessPlace& place_;
  const JoinOptions& options_;
  const Clock::time_point end_;
  std::unique_ptr<tensorpipe::Context> context_;
  const StatePtr state_;
  ProcessCard own_;
  std::vector<ProcessCard> cards_;
  std::unique_ptr<MeetingPoint> point_;
};

}  // namespace

std::unique_ptr<ProcessLinks> join_processes(const ProcessPlace& place, const JoinOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);  // writing to a peer that has ended is an error of that write, not the end of this one
  return Meeting(place, options).hold();
}

}  // namespace ringattn

#include "comm/tensorpipe_links.h"

#include <chrono>
#include <utility>

namespace ringattn {
namespace {

/// How long a process that leaves waits until its last words are on their way.
constexpr std::chrono::milliseconds kLastWords{1000};

std::string text(const tensorpipe::Error& error) { return error ? error.what() : ""; }

}  // namespace

TensorPipeLinks::TensorPipeLinks(int rank, std::unique_ptr<tensorpipe::Context> context, std::vector<PeerPipes> peers)
    : rank_(rank), context_(std::move(context)), peers_(std::move(peers)) {}

TensorPipeLinks::~TensorPipeLinks() { close(); }

void TensorPipeLinks::send(int peer, Channel channel, std::string head, std::vector<std::span<const std::byte>> pieces,
                           Done done) {
  tensorpipe::Message message;
  message.metadata = std::move(head);
  for (const std::span<const std::byte> piece : pieces) {
    tensorpipe::Message::Tensor tensor;
    // A buffer is one type for both ways; what is sent is only read.
    tensor.buffer = tensorpipe::CpuBuffer{const_cast<std::byte*>(piece.data())};
    tensor.length = piece.size();
    tensor.targetDevice = tensorpipe::Device(tensorpipe::kCpuDeviceType, 0);
    message.tensors.push_back(std::move(tensor));
  }
  of(peer).rows(channel).write(std::move(message),
                               [done = std::move(done)](const tensorpipe::Error& error) { done(text(error)); });
}

void TensorPipeLinks::expect(int peer, Channel channel, std::function<void(const std::string&, Incoming)> arrived) {
  of(peer).rows(channel).readDescriptor(
      [arrived = std::move(arrived)](const tensorpipe::Error& error, const tensorpipe::Descriptor& descriptor) {
        Incoming incoming{descriptor.metadata, {}};
        for (const auto& tensor : descriptor.tensors) incoming.piece_bytes.push_back(tensor.length);
        arrived(text(error), std::move(incoming));
      });
}

void TensorPipeLinks::receive(int peer, Channel channel, std::vector<std::span<std::byte>> pieces, Done done) {
  tensorpipe::Allocation allocation;
  for (const std::span<std::byte> piece : pieces)
    allocation.tensors.push_back({tensorpipe::Buffer(tensorpipe::CpuBuffer{piece.data()})});
  of(peer).rows(channel).read(std::move(allocation),
                              [done = std::move(done)](const tensorpipe::Error& error) { done(text(error)); });
}

void TensorPipeLinks::send_note(int peer, std::string note) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (is_closed_) return;
    ++notes_in_flight_;
  }
  tensorpipe::Message message;
  message.metadata = std::move(note);
  of(peer).notes().write(std::move(message), [this](const tensorpipe::Error&) {
    const std::lock_guard<std::mutex> lock(mutex_);
    --notes_in_flight_;
    bell_.notify_all();
  });
}

void TensorPipeLinks::hear_notes(std::function<void(int, const std::string&, const std::string&)> heard) {
  heard_ = std::move(heard);
  for (int peer = 0; peer < size(); ++peer) {
    if (peer != rank_) hear_next(peer);
  }
}

/// A read is always posted: only so the end of a peer is noticed at once.
void TensorPipeLinks::hear_next(int peer) {
  of(peer).notes().readDescriptor([this, peer](const tensorpipe::Error& error, const tensorpipe::Descriptor& note) {
    if (error) return heard_(peer, error.what(), "");
    if (!note.payloads.empty() || !note.tensors.empty()) return heard_(peer, "a note with rows", "");
    of(peer).notes().read({}, [this, peer, words = note.metadata](const tensorpipe::Error& failed) {
      if (failed) return heard_(peer, failed.what(), "");
      heard_(peer, "", words);
      hear_next(peer);
    });
  });
}

void TensorPipeLinks::cut_rows() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (std::exchange(rows_cut_, true)) return;
  }
  for (int peer = 0; peer < size(); ++peer) {
    if (peer == rank_) continue;
    of(peer).rows(Channel::keys).close();
    of(peer).rows(Channel::gradients).close();
  }
}

void TensorPipeLinks::close() {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    if (std::exchange(is_closed_, true)) return;
    bell_.wait_for(lock, kLastWords, [&] { return notes_in_flight_ == 0; });
  }
  context_->close();
  context_->join();
}

}  // namespace ringattn

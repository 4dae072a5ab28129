#pragma once

#include "comm/process_links.h"

#include <array>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <tensorpipe/tensorpipe.h>
#include <vector>

namespace ringattn {

/// The pipes to one peer, and what is known of it.
struct PeerPipes {
  static constexpr std::size_t count = 3;  ///< one for notes, one for each channel
  std::array<std::shared_ptr<tensorpipe::Pipe>, count> pipes{};
  bool shares_host = false;
  std::string carrier{};

  tensorpipe::Pipe& notes() const { return *pipes[0]; }
  tensorpipe::Pipe& rows(Channel channel) const { return *pipes[channel == Channel::keys ? 1 : 2]; }
};

/// Links over TensorPipe, which LibTorch brings: notes over TCP, rows by reading the peer's memory (cma) where both
/// ends are on one host and may do so, else over TCP.
class TensorPipeLinks final : public ProcessLinks {
 public:
  /// `peers[rank]` is empty. The pipes are of that context, and stand.
  TensorPipeLinks(int rank, std::unique_ptr<tensorpipe::Context> context, std::vector<PeerPipes> peers);
  ~TensorPipeLinks() override;

  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(peers_.size()); }
  void send(int peer, Channel channel, std::string head, std::vector<std::span<const std::byte>> pieces,
            Done done) override;
  void expect(int peer, Channel channel, std::function<void(const std::string&, Incoming)> arrived) override;
  void receive(int peer, Channel channel, std::vector<std::span<std::byte>> pieces, Done done) override;
  void send_note(int peer, std::string note) override;
  void hear_notes(std::function<void(int, const std::string&, const std::string&)> heard) override;
  void cut_rows() override;
  void close() override;
  bool shares_host(int peer) const override { return of(peer).shares_host; }
  std::string carrier(int peer) const override { return of(peer).carrier; }

 private:
  const PeerPipes& of(int peer) const { return peers_[static_cast<std::size_t>(peer)]; }
  void hear_next(int peer);

  const int rank_;
  const std::unique_ptr<tensorpipe::Context> context_;
  const std::vector<PeerPipes> peers_;
  std::function<void(int, const std::string&, const std::string&)> heard_;
  std::mutex mutex_;
  std::condition_variable bell_;
  std::size_t notes_in_flight_ = 0;
  bool rows_cut_ = false;
  bool is_closed_ = false;
};

}  // namespace ringattn

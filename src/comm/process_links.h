#pragma once

#include "comm/communicator.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace ringattn {

/// Connections from this process to every other process of a group: to each peer one for notes, and one for the rows of
/// each channel. All calls return at once; callbacks come once, in the order of the calls of their kind, from a thread
/// of the transport or from inside the call itself: so hold no lock that they take, and don't block in them. An error
/// text is empty where all went well. Thread-safe.
class ProcessLinks {
 public:
  using Done = std::function<void(const std::string& error)>;
  /// A message that a peer has begun to send.
  struct Incoming {
    std::string head{};
    std::vector<std::size_t> piece_bytes{};
  };

  virtual ~ProcessLinks() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  /// The pieces must stay unchanged until `done`.
  virtual void send(int peer, Channel channel, std::string head, std::vector<std::span<const std::byte>> pieces,
                    Done done) = 0;
  /// Waits for the peer's next message; then `receive` must be called for it before the next `expect`.
  virtual void expect(int peer, Channel channel, std::function<void(const std::string& error, Incoming)> arrived) = 0;
  /// Where the pieces of that message go.
  virtual void receive(int peer, Channel channel, std::vector<std::span<std::byte>> pieces, Done done) = 0;

  /// A few words beside the rows. Where the peer can't be told, its connection has ended or will.
  virtual void send_note(int peer, std::string note) = 0;
  /// Calls `heard` with every note of every peer, and once with the error that ended a peer's connection. Call it once.
  virtual void hear_notes(std::function<void(int peer, const std::string& error, const std::string& note)> heard) = 0;

  /// Ends all sends and receives of rows, now and later, with an error. Notes go on.
  virtual void cut_rows() = 0;
  /// Ends everything, when the notes are on their way or a second is over; no callback runs afterwards.
  virtual void close() = 0;

  virtual bool shares_host(int peer) const = 0;
  /// What carries rows to this peer, for people: "cma", "tcp".
  virtual std::string carrier(int peer) const = 0;
};

}  // namespace ringattn

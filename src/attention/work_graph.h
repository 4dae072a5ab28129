#pragma once

#include <c10/core/Device.h>

#include <functional>
#include <memory>

namespace ringattn {

/// What recorded works have in common: the urgency of their kernels, and memory that they take while they are recorded,
/// and keep until all of them are gone: what one has let go, the next ones may take, so works that share it are
/// launched in the order they were recorded in.
class GraphMemory {
 public:
  /// Whether the works' kernels go before those of other streams where both could run.
  enum class Urgency { usual, first };
  explicit GraphMemory(const c10::Device& device, Urgency urgency = Urgency::usual);
  ~GraphMemory();
  GraphMemory(const GraphMemory&) = delete;
  GraphMemory& operator=(const GraphMemory&) = delete;

 private:
  friend class WorkGraph;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Work for a GPU as a CUDA graph: any number of kernels at the price of one launch.
class WorkGraph {
 public:
  /// Calls `queue` and records what it gives the thread's current stream, without doing it. It may take memory and
  /// launch kernels, but wait for nothing and read nothing back. What it throws passes, and nothing is recorded.
  /// RuntimeFailure where the driver refuses.
  WorkGraph(GraphMemory& memory, const std::function<void()>& queue);
  ~WorkGraph();
  WorkGraph(WorkGraph&&) noexcept;
  WorkGraph& operator=(WorkGraph&&) noexcept;

  /// Gives it to the thread's current stream.
  void launch() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringattn

#pragma once

#include "attention/ring_walk.h"

#include <c10/core/Device.h>
#include <c10/core/Event.h>
#include <c10/core/Stream.h>

#include <array>
#include <cstddef>
#include <functional>

namespace ringattn {

/// The streams of one rank's steps on a GPU. Tiles of even and of odd steps go to two lanes, merges to the caller's
/// stream, so that a step's tiles begin while those of the last one run out and are merged. What orders them:
///   a merge comes after its step's tiles, and after the merge before it;
///   tiles come after the hop that brings their rows, and after the merge of the step before last, whose memory they
///   may take;
///   a hop comes after the tiles that read its buffer last (those of the step before last), and after the hop before
///   it, whose rows it may send on.
class Lanes final : public WalkStreams {
 public:
  explicit Lanes(const c10::Device& device);
  /// Returns when the last call is done: its memory may be another stream's next.
  ~Lanes() override;
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  /// One call, from what the thread's stream has been given to what it is given next; that is the current one again at
  /// its end, however it ends.
  class Call {
   public:
    explicit Call(Lanes& lanes);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    Lanes& lanes_;
  };

  void run_tiles(std::size_t step, const std::function<void()>& launch);
  void run_merge(std::size_t step, const std::function<void()>& launch);

  void before_post(std::size_t step) override;
  void before_wait(std::size_t step) override;
  void at_end() override;

 private:
  const c10::Stream& lane(std::size_t step) const { return lanes_[step % 2]; }
  void use(const c10::Stream& stream) const;

  c10::Device device_;
  c10::Stream main_;
  std::array<c10::Stream, 2> lanes_;
  c10::Event begun_, ended_;
  c10::Event crossing_;
  c10::Event tiles_done_[2], merged_[2];
};

}  // namespace ringattn

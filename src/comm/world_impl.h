#pragma once

#include "comm/world.h"

#include <functional>
#include <memory>

namespace ringattn {

/// One way to have ranks.
struct World::Impl {
  Impl() = default;
  virtual ~Impl() = default;
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  virtual int size() const = 0;
  virtual void run(const std::function<void(Communicator&)>& body) = 0;
  virtual Traffic traffic() = 0;
  virtual void reset_traffic() = 0;
  virtual ProcessGroup* processes() const { return nullptr; }
};

}  // namespace ringattn

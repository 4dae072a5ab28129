#include "attention/tf32.h"

#include <ATen/Context.h>

#include <mutex>

namespace ringattn {
namespace {

struct Holders {
  std::mutex mutex;
  int count = 0;
  bool was_allowed = false;
};

Holders& holders() {
  static Holders all;
  return all;
}

}  // namespace

WithoutTf32::WithoutTf32() {
  Holders& all = holders();
  const std::lock_guard<std::mutex> lock(all.mutex);
  if (all.count++ > 0) return;
  all.was_allowed = at::globalContext().allowTF32CuBLAS();
  at::globalContext().setAllowTF32CuBLAS(false);
}

WithoutTf32::~WithoutTf32() {
  Holders& all = holders();
  const std::lock_guard<std::mutex> lock(all.mutex);
  if (--all.count == 0) at::globalContext().setAllowTF32CuBLAS(all.was_allowed);
}

}  // namespace ringattn

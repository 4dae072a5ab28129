#pragma once

#include "attention/inputs.h"

#include <ATen/core/Tensor.h>

namespace ringattn {

/// The same rows with a mask that also hides the keys that are not in `seen`, bool (n). Without a mask of its own the
/// inputs get one of keys. `source` must outlive it.
class SeenKeys final : public InputSource {
 public:
  SeenKeys(const InputSource& source, at::Tensor seen);

 private:
  at::Tensor do_rows(InputTensor which, const Positions& positions, at::ScalarType dtype) const override {
    return source_.rows(which, positions, dtype);
  }
  at::Tensor do_mask(const Positions& positions) const override;

  const InputSource& source_;
  at::Tensor seen_;
};

}  // namespace ringattn

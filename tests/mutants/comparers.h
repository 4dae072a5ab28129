#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace ringattn::mutants {

/// What others' rules need: a result, the fp64 reference on the same inputs, and the plain formula in the result's
/// dtype on one device.
struct Compared {
  at::Tensor got;
  at::Tensor reference;
  at::Tensor plain;
};

/// A rule by which others tell right results from wrong ones.
struct Comparer {
  std::string name;
  std::string rule;
  bool (*passes)(const Compared&);
};
///   torch:  torch.testing.assert_close's defaults: |a-b| <= 1e-5 + r·|b|, r = 1.3e-6 in fp32, 1.6e-2 in bf16
///   flash:  FlashAttention's tests: max|a-b| <= 2·max|plain-b| + 2·max|(b+0.3-0.3)-b|, the latter in the dtype
///   te:     TransformerEngine: allclose 2.5e-2 and 2.5e-2 in bf16 (context parallelism), 1e-6 and 5e-6 in fp32
///   cosine: 1 - cos < 1e-3
///   guide:  the migration guide's torch.allclose: rtol 1e-3, atol 1e-5
const std::vector<Comparer>& comparers();

}  // namespace ringattn::mutants

#include "attention/block_backend.h"
#include "attention/cuda_attention.h"
#include "tests/cuda/block_shape.h"
#include "tests/cuda/gpu.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

// LibTorch's kernels on the GPU against the reference in fp64 on the CPU.

namespace ringattn {
namespace {

using test::there;
using Shape = test::BlockShape;

BlockInputs inputs_of(const Shape& s, at::ScalarType type, MaskRule rule) {
  at::manual_seed(11);
  return {.query = test::queries_of(s, type),
          .key = test::keys_of(s, type),
          .value = test::keys_of(s, type),
          .rule = rule,
          .softmax_scale = 0.2};
}

BlockInputs moved(const BlockInputs& in, at::DeviceType device, at::ScalarType type) {
  BlockInputs result = in;
  result.query = there(in.query, device, type);
  result.key = there(in.key, device, type);
  result.value = there(in.value, device, type);
  return result;
}

void check(const Partial& got, const BlockInputs& in, double out_bound, double lse_bound) {
  const Partial want = make_reference_backend()->forward(moved(in, at::kCPU, at::kDouble));
  CHECK(got.out.sizes() == want.out.sizes());
  CHECK(testing::worst_error(got.out.cpu(), want.out, out_bound, out_bound) <= 1.0);
  CHECK(testing::worst_error(got.lse.cpu(), want.lse, lse_bound, lse_bound) <= 1.0);
}

const Shape kShapes[] = {
    {2, 3, 64, 64, 64},  {1, 2, 1, 1, 8},           {1, 2, 7, 7, 16},         {1, 2, 300, 300, 128},
    {2, 2, 100, 33, 32}, {1, 4, 40, 70, 64},        {2, 3, 50, 50, 40, true}, {1, 4, 65, 65, 64, false, true},
    {1, 1, 1, 200, 64},  {300, 1, 16, 16, 64, true}};

}  // namespace

TEST_CASE("every kernel gives the reference's out and lse for the calls that it can take") {
  NEEDS_GPU();
  for (const CudaKernel kernel : {CudaKernel::cudnn, CudaKernel::flash, CudaKernel::efficient}) {
    for (const at::ScalarType type : {at::kBFloat16, at::kHalf, at::kFloat}) {
      for (const Shape& s : kShapes) {
        for (const MaskRule rule : {MaskRule::full, MaskRule::causal}) {
          const BlockInputs in = inputs_of(s, type, rule);
          if (!can_take(kernel, cuda_call(in))) continue;
          INFO(fmt::format("{} {} {}x{}x{}x{}x{} strided {} shared {} causal {}", to_string(kernel),
                           c10::toString(type), s.batch, s.heads, s.rows, s.keys, s.dim, s.is_strided,
                           s.shares_key_head, rule == MaskRule::causal));
          const bool is_float = type == at::kFloat;
          check(run_cuda_kernel(kernel, moved(in, at::kCUDA, type)), in, is_float ? 1e-5 : 2e-2,
                is_float ? 1e-5 : 1e-3);
        }
      }
    }
  }
}

TEST_CASE("the sdpa backend takes every head_dim and dtype, and a bias") {
  NEEDS_GPU();
  const std::unique_ptr<BlockBackend> backend = make_sdpa_backend();
  for (const std::int64_t dim : {1, 3, 4, 8, 72, 136, 200, 256, 264}) {
    for (const at::ScalarType type : {at::kBFloat16, at::kHalf, at::kFloat, at::kDouble}) {
      for (const MaskRule rule : {MaskRule::full, MaskRule::causal}) {
        INFO(fmt::format("{} dim {} causal {}: {}", c10::toString(type), dim, rule == MaskRule::causal,
                         backend->name_on(at::kCUDA, type, dim)));
        BlockInputs in = inputs_of({1, 2, 37, 37, dim}, type, rule);
        const double bound = type == at::kDouble ? 1e-12 : type == at::kFloat ? 1e-5 : 2e-2;
        check(backend->forward(moved(in, at::kCUDA, type)), in, bound, std::min(bound, 1e-3));
      }
    }
  }
  BlockInputs in = inputs_of({2, 2, 9, 12, 16}, at::kBFloat16, MaskRule::full);
  const at::Tensor bias = at::randn({2, 1, 9, 12});
  BlockInputs gpu = moved(in, at::kCUDA, at::kBFloat16);
  in.bias = bias.to(at::kDouble), gpu.bias = bias.to(at::kCUDA);
  check(backend->forward(gpu), in, 2e-2, 1e-3);
}

TEST_CASE("the kernel that runs is named") {
  const std::unique_ptr<BlockBackend> backend = make_sdpa_backend();
  CHECK(backend->name_on(at::kCPU, at::kBFloat16, 64) == "sdpa");
  CHECK(backend->name_on(at::kCUDA, at::kBFloat16, 128) == "sdpa (cudnn)");
  CHECK(backend->name_on(at::kCUDA, at::kHalf, 256) == "sdpa (flash)");
  CHECK(backend->name_on(at::kCUDA, at::kFloat, 64) == "sdpa (efficient)");
  CHECK(backend->name_on(at::kCUDA, at::kDouble, 64) == "sdpa (reference)");
  CHECK(backend->name_on(at::kCUDA, at::kBFloat16, 3) == "sdpa (reference)");
}

}  // namespace ringattn

#include "attention/block_backend.h"
#include "attention/cuda_attention.h"
#include "tests/cuda/block_shape.h"
#include "tests/cuda/gpu.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>

// LibTorch's backward kernels on the GPU, given the logsumexp and out of a longer row, against the reference in fp64 on
// the CPU.

namespace ringattn {
namespace {

using test::there;
using Shape = test::BlockShape;

struct Call {
  BlockInputs inputs;
  BlockGradientInputs result;
};

Call call_of(const Shape& s, at::ScalarType type, MaskRule rule) {
  at::manual_seed(5);
  Call call{{.query = test::queries_of(s, type),
             .key = test::keys_of(s, type),
             .value = test::keys_of(s, type),
             .rule = rule,
             .softmax_scale = 0.2},
            {.out = test::queries_of(s, type), .lse = at::Tensor(), .grad_out = test::queries_of(s, type)}};
  // The row's other keys weigh as much again, or more.
  BlockInputs wide = call.inputs;
  for (at::Tensor* tensor : {&wide.query, &wide.key, &wide.value}) *tensor = tensor->to(at::kDouble);
  const at::Tensor lse = make_reference_backend()->forward(wide).lse;
  call.result.lse = (lse + 0.7 + at::rand_like(lse))
                        .transpose(1, 2)
                        .contiguous()
                        .transpose(1, 2)
                        .to(type == at::kDouble ? at::kDouble : at::kFloat);
  return call;
}

Call moved(const Call& call, at::DeviceType device, at::ScalarType type, at::ScalarType wide) {
  Call result = call;
  for (at::Tensor* tensor :
       {&result.inputs.query, &result.inputs.key, &result.inputs.value, &result.result.out, &result.result.grad_out})
    *tensor = there(*tensor, device, type);
  result.result.lse = there(call.result.lse, device, wide);
  return result;
}

/// Of key heads that may be one already.
at::Tensor summed(const at::Tensor& gradient, bool is_shared) {
  return is_shared ? gradient.cpu().to(at::kDouble).sum(1, true) : gradient.cpu();
}

/// max |got - want| / (bound · (rms of want's row of keys or queries + 1e-3))
double worst(const at::Tensor& got, const at::Tensor& want, double bound) {
  const at::Tensor w = want.to(at::kDouble), off = (got.to(at::kDouble) - w).abs();
  const double scale = w.square().mean().sqrt().item<double>() + 1e-3;
  return at::nan_to_num(off, 1e30, 1e30, 1e30).max().item<double>() / (bound * scale);
}

void check(const BlockGradients& got, const Call& call, bool shares, double bound) {
  const Call wide = moved(call, at::kCPU, at::kDouble, at::kDouble);
  const BlockGradients want = make_reference_backend()->backward(wide.inputs, wide.result);
  CHECK(got.query.sizes() == want.query.sizes());
  CHECK(worst(got.query.cpu(), want.query, bound) <= 1.0);
  CHECK(worst(summed(got.key, shares), summed(want.key, shares), bound) <= 1.0);
  CHECK(worst(summed(got.value, shares), summed(want.value, shares), bound) <= 1.0);
}

const Shape kShapes[] = {{2, 3, 64, 64, 64},       {1, 2, 1, 1, 8},
                         {1, 2, 7, 7, 16},         {1, 2, 300, 300, 128},
                         {2, 2, 100, 33, 32},      {1, 4, 40, 70, 64},
                         {2, 3, 50, 50, 40, true}, {1, 4, 65, 65, 64, false, true},
                         {1, 1, 1, 200, 64},       {300, 1, 16, 16, 64, true},
                         {1, 2, 2, 5, 64},         {1, 2, 130, 192, 128}};

}  // namespace

TEST_CASE("every backward kernel gives the reference's derivatives for the calls that it can take") {
  NEEDS_GPU();
  for (const CudaKernel kernel : {CudaKernel::cudnn, CudaKernel::flash, CudaKernel::efficient}) {
    for (const at::ScalarType type : {at::kBFloat16, at::kHalf, at::kFloat}) {
      for (const Shape& s : kShapes) {
        for (const MaskRule rule : {MaskRule::full, MaskRule::causal}) {
          const Call call = call_of(s, type, rule);
          if (!can_take(kernel, cuda_call(call.inputs))) continue;
          if (kernel == CudaKernel::cudnn && (s.rows == 1 || s.keys == 1)) continue;
          INFO(fmt::format("{} {} {}x{}x{}x{}x{} strided {} shared {} causal {}", to_string(kernel),
                           c10::toString(type), s.batch, s.heads, s.rows, s.keys, s.dim, s.is_strided,
                           s.shares_key_head, rule == MaskRule::causal));
          const Call gpu = moved(call, at::kCUDA, type, at::kFloat);
          check(run_cuda_backward(kernel, gpu.inputs, gpu.result), call, s.shares_key_head,
                type == at::kFloat ? 1e-4 : 2e-1);
        }
      }
    }
  }
}

TEST_CASE("cuDNN is not confused by rows that lie otherwise than those of the call before") {
  NEEDS_GPU();
  const Call call = call_of({2, 3, 64, 96, 64}, at::kBFloat16, MaskRule::full);
  for (const bool lies_by_head : {false, true, false}) {
    Call gpu = moved(call, at::kCUDA, at::kBFloat16, at::kFloat);
    if (lies_by_head) {
      for (at::Tensor* tensor : {&gpu.result.out, &gpu.result.grad_out, &gpu.result.lse})
        *tensor = tensor->contiguous();
    }
    check(run_cuda_backward(CudaKernel::cudnn, gpu.inputs, gpu.result), call, false, 2e-1);
  }
}

TEST_CASE("the sdpa backend differentiates every head_dim and dtype, and a bias") {
  NEEDS_GPU();
  const std::unique_ptr<BlockBackend> backend = make_sdpa_backend();
  for (const std::int64_t dim : {1, 3, 8, 72, 136, 256, 264}) {
    for (const at::ScalarType type : {at::kBFloat16, at::kHalf, at::kFloat, at::kDouble}) {
      for (const MaskRule rule : {MaskRule::full, MaskRule::causal}) {
        INFO(fmt::format("{} dim {} causal {}", c10::toString(type), dim, rule == MaskRule::causal));
        const Call call = call_of({1, 2, 37, 37, dim}, type, rule);
        const at::ScalarType wide = type == at::kDouble ? at::kDouble : at::kFloat;
        const Call gpu = moved(call, at::kCUDA, type, wide);
        check(backend->backward(gpu.inputs, gpu.result), call, false,
              type == at::kDouble  ? 1e-10
              : type == at::kFloat ? 1e-4
                                   : 2e-1);
      }
    }
  }
  Call call = call_of({2, 2, 9, 12, 16}, at::kBFloat16, MaskRule::full);
  Call gpu = moved(call, at::kCUDA, at::kBFloat16, at::kFloat);
  const at::Tensor bias = at::randn({2, 1, 9, 12}) - 2.0;
  call.inputs.bias = bias.to(at::kDouble), gpu.inputs.bias = bias.to(at::kCUDA);
  check(backend->backward(gpu.inputs, gpu.result), call, false, 2e-1);
}

TEST_CASE("where bits must repeat, cuDNN is left out of the backward pass") {
  const CudaCall call{.dtype = at::kBFloat16, .head_dim = 64};
  CHECK(choose_cuda_backward(call) == CudaKernel::cudnn);
  at::globalContext().setDeterministicAlgorithms(true, false);
  CHECK(choose_cuda_backward(call) == CudaKernel::flash);
  at::globalContext().setDeterministicAlgorithms(false, false);
}

}  // namespace ringattn

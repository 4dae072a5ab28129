#include "attention/block_backend.h"

#include "config/error.h"

#include <ATen/ATen.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>

#include <limits>

namespace ringattn {
namespace {

class ReferenceBackend final : public BlockBackend {
 public:
  std::string name() const override { return "reference"; }

 private:
  static constexpr std::int64_t kRows = 256;

  Partial do_forward(const BlockInputs& in) const override {
    const at::ScalarType wide = in.query.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    at::Tensor out = at::empty(in.query.sizes(), in.query.options());
    at::Tensor lse = at::empty({in.query.size(0), in.query.size(1), in.query.size(2)}, in.query.options().dtype(wide));
    const at::Tensor key = in.key.to(wide).transpose(-2, -1);
    const at::Tensor value = in.value.to(wide);
    for (std::int64_t first = 0; first < in.query.size(2); first += kRows) {
      const std::int64_t rows = std::min(kRows, in.query.size(2) - first);
      at::Tensor scores = at::matmul(in.query.narrow(2, first, rows).to(wide), key).mul_(in.softmax_scale);
      if (in.rule == MaskRule::causal) {
        const at::Tensor later = at::arange(in.key.size(2), in.key.options().dtype(at::kLong)).unsqueeze(0) >
                                 at::arange(first, first + rows, in.key.options().dtype(at::kLong)).unsqueeze(1);
        scores.masked_fill_(later, -std::numeric_limits<double>::infinity());
      }
      lse.narrow(2, first, rows).copy_(at::logsumexp(scores, -1));
      out.narrow(2, first, rows).copy_(at::matmul(at::softmax(scores, -1), value));
    }
    return {out, lse};
  }
};

class SdpaBackend final : public BlockBackend {
 public:
  std::string name() const override { return "sdpa"; }

 private:
  Partial do_forward(const BlockInputs& in) const override {
    auto [out, lse] = at::_scaled_dot_product_flash_attention_for_cpu(
        in.query, in.key, in.value, /*dropout_p=*/0.0, in.rule == MaskRule::causal, /*attn_mask=*/{}, in.softmax_scale);
    return {out, lse};
  }
};

}  // namespace

Partial BlockBackend::forward(const BlockInputs& inputs) const { return do_forward(inputs); }

std::unique_ptr<BlockBackend> make_reference_backend() { return std::make_unique<ReferenceBackend>(); }

std::unique_ptr<BlockBackend> make_sdpa_backend() { return std::make_unique<SdpaBackend>(); }

std::unique_ptr<BlockBackend> make_backend(Backend choice) {
  switch (choice) {
    case Backend::reference:
      return make_reference_backend();
    case Backend::automatic:
    case Backend::sdpa:
      return make_sdpa_backend();
    case Backend::fused:
      throw Unavailable(
          "backend: \"fused\" runs on CUDA devices only; on this one use \"auto\", \"sdpa\" or \"reference\"");
  }
  throw Unavailable("backend: unknown value");
}

}  // namespace ringattn

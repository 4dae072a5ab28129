#include "tests/mutants/settings.h"

#include "config/error.h"

#include <ATen/ATen.h>

#include <cmath>

namespace ringattn::mutants {
namespace {

constexpr std::int64_t kBatch = 2, kSeqLen = 192, kHeads = 4, kHeadDim = 16;
constexpr std::int64_t kNanRow = 77;

/// The source's numbers, and NaN in one row of the query.
class NanRow final : public InputSource {
 public:
  explicit NanRow(std::unique_ptr<InputSource> source)
      : InputSource({.batch = source->batch(),
                     .seq_len = source->seq_len(),
                     .heads = source->heads(),
                     .head_dim = source->head_dim(),
                     .kv_heads = source->kv_heads(),
                     .mask = source->mask_shape()}),
        source_(std::move(source)) {}

 private:
  at::Tensor do_rows(InputTensor which, const Positions& positions, at::ScalarType dtype) const override {
    at::Tensor rows = source_->rows(which, positions, dtype);
    if (which != InputTensor::query) return rows;
    const at::Tensor is_nan = at::tensor(expand(positions), at::kLong).eq(kNanRow);
    return rows.masked_fill(is_nan.view({1, -1, 1, 1}), NAN);
  }
  at::Tensor do_mask(const Positions& positions) const override { return source_->mask(positions); }

  std::unique_ptr<InputSource> source_;
};

}  // namespace

const std::vector<Setting>& settings() {
  static const std::vector<Setting> list{
      {.name = "dense", .fields = {{"pattern", "dense"}}},
      {.name = "dilated",
       .fields = {{"pattern", "dilated"}, {"segment_lengths", "[48,96]"}, {"dilation_rates", "[1,2]"}}},
      {.name = "padding", .fields = {{"pattern", "dense"}, {"layout", "contiguous"}}, .mask = "padding"},
      {.name = "random_mask", .fields = {{"pattern", "dense"}}, .mask = "random"},
      {.name = "window", .fields = {{"pattern", "dense"}}, .window = {.left = 40, .right = 40}},
      {.name = "documents", .fields = {{"pattern", "dense"}}, .documents = "0:31:100:192"},
      {.name = "shared_heads", .fields = {{"pattern", "dense"}}, .kv_heads = 2},
      {.name = "dropout", .fields = {{"pattern", "dense"}, {"dropout", "0.2"}}, .is_training = true},
      {.name = "curve_order",
       .fields = {{"pattern", R"({"from":"dilated_keys","order":"hilbert","tail":"short"})"},
                  {"segment_lengths", "[96,192]"},
                  {"dilation_rates", "[2,2]"}}},
      {.name = "curve_layout", .fields = {{"pattern", "dense"}, {"layout", "hilbert"}}},
      {.name = "zigzag", .fields = {{"pattern", "dense"}, {"layout", "zigzag"}}},
      {.name = "nan_row", .fields = {{"pattern", "dense"}}, .has_nan = true},
  };
  return list;
}

const Setting& find_setting(const std::string& name) {
  std::string known;
  for (const Setting& setting : settings()) {
    if (setting.name == name) return setting;
    known += (known.empty() ? "" : ", ") + setting.name;
  }
  throw UsageError("setting: \"" + name + "\" is unknown; there are " + known);
}

RingAttentionConfig config_of(const Setting& setting) {
  RingAttentionConfig config;
  for (const auto& [field, value] : setting.fields) set_field(config, field, value, setting.name);
  validate(config);
  return config;
}

Case case_of(const Setting& setting, Dtype dtype, bool is_causal, std::int64_t ranks) {
  Case axes{.batch = kBatch,
            .seq_len = kSeqLen,
            .heads = kHeads,
            .head_dim = kHeadDim,
            .dtype = dtype,
            .is_causal = is_causal,
            .ranks = ranks,
            .kv_heads = setting.kv_heads,
            .window = setting.window,
            .documents = {},
            .mask = setting.mask};
  if (!setting.documents.empty()) axes.documents = parse_documents(setting.documents, setting.name);
  return axes;
}

std::unique_ptr<InputSource> inputs_of(const Setting& setting, std::uint64_t seed) {
  std::unique_ptr<InputSource> inputs = generated_inputs({.seed = seed,
                                                          .batch = kBatch,
                                                          .seq_len = kSeqLen,
                                                          .heads = kHeads,
                                                          .head_dim = kHeadDim,
                                                          .kv_heads = setting.kv_heads,
                                                          .mask = setting.mask});
  return setting.has_nan ? std::make_unique<NanRow>(std::move(inputs)) : std::move(inputs);
}

Problem problem_of(const Setting& setting, const Case& axes, const InputSource& inputs, std::uint64_t seed) {
  return ringattn::problem_of(axes, inputs.mask_shape(), setting.is_training, setting.is_training ? seed : 0);
}

}  // namespace ringattn::mutants

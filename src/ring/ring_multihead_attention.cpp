#include "ring/ring_multihead_attention.h"

#include "config/error.h"
#include "ring/gradient_sum.h"
#include "ring/own_rows.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

namespace ringattn {
namespace {

ProjectionSizes sizes_of(const RingMultiheadAttention::Options& options) {
  const std::int64_t kv_heads = options.kv_heads == 0 ? options.heads : options.kv_heads;
  if (options.heads < 1) throw UsageError(fmt::format("heads: {}, must be at least 1", options.heads));
  if (options.embed_dim < 1 || options.embed_dim % options.heads != 0)
    throw UsageError(
        fmt::format("embed_dim: {}, must be a multiple of the {} heads", options.embed_dim, options.heads));
  if (kv_heads < 1 || options.heads % kv_heads != 0)
    throw UsageError(fmt::format("kv_heads: {}, must divide the {} heads", kv_heads, options.heads));
  return {.heads = options.heads, .head_dim = options.embed_dim / options.heads, .kv_heads = kv_heads};
}

FusedProjection random_layers(const RingMultiheadAttention::Options& options) {
  FusedProjection layers = fuse(random_projection(sizes_of(options), options.seed).to(options.dtype));
  if (options.bias) {
    for (LinearLayer* layer : {&layers.qkv, &layers.out})
      layer->bias = at::zeros({layer->weight.size(0)}, layer->weight.options());
  }
  return layers;
}

void check_x(const at::Tensor& x, const FusedProjection& layers) {
  if (x.dim() != 3 || x.size(2) != layers.sizes.embed())
    throw UsageError(
        fmt::format("x: shape ({}); expected (batch, seq, {})", fmt::join(x.sizes(), ", "), layers.sizes.embed()));
  if (x.scalar_type() != layers.qkv.weight.scalar_type())
    throw UsageError(fmt::format("x: dtype {}; expected the parameters' {}", c10::toString(x.scalar_type()),
                                 c10::toString(layers.qkv.weight.scalar_type())));
}

}  // namespace

RingMultiheadAttention::RingMultiheadAttention(const Options& options, RingAttentionConfig config,
                                               Communicator& communicator)
    : RingMultiheadAttention(random_layers(options), std::move(config), communicator) {}

RingMultiheadAttention::RingMultiheadAttention(const Projection& layers, RingAttentionConfig config,
                                               Communicator& communicator)
    : RingMultiheadAttention(fuse(layers), std::move(config), communicator) {}

RingMultiheadAttention::RingMultiheadAttention(FusedProjection layers, RingAttentionConfig config,
                                               Communicator& communicator)
    : layers_(std::move(layers)), attention_(std::move(config), communicator), communicator_(communicator) {
  for (const at::Tensor& parameter : parameters()) parameter.requires_grad_();
}

at::Tensor RingMultiheadAttention::forward(const at::Tensor& x, const std::optional<at::Tensor>& attention_mask,
                                           bool is_causal, bool already_split,
                                           std::optional<std::int64_t> shard_offset) {
  check_x(x, layers_);
  if (already_split) {
    const auto [query, key, value] = layers_.project(x);
    return layers_.project_out(
        attention_.forward(query, key, value, attention_mask, is_causal, already_split, shard_offset));
  }
  if (shard_offset)
    throw UsageError(
        fmt::format("shard_offset: {} given, but already_split is false; x is the whole sequence", *shard_offset));
  const ProjectionSizes& sizes = layers_.sizes;
  const Partial part =
      attention_.forward_made({x.size(0), x.size(1), sizes.heads, sizes.kv_heads, x.scalar_type()}, attention_mask,
                              is_causal, [&](const Positions& own, const StandardRingAttention::BatchShare& share) {
                                const at::Tensor rows = own_rows(x.narrow(0, share.begin, share.count), own);
                                const auto [query, key, value] = layers_.project(rows);
                                return StandardRingAttention::OwnRows{query, key, value};
                              });
  return layers_.project_out(part.out);
}

Positions RingMultiheadAttention::positions(std::int64_t seq_len, bool is_causal, bool already_split) {
  return attention_.positions(seq_len, layers_.sizes.heads, is_causal, already_split, layers_.sizes.kv_heads);
}

std::vector<std::pair<std::string, at::Tensor>> RingMultiheadAttention::named_parameters() const {
  std::vector<std::pair<std::string, at::Tensor>> named;
  const auto add = [&named](const std::string& name, const LinearLayer& layer) {
    named.emplace_back(name + ".weight", layer.weight);
    if (layer.bias.defined()) named.emplace_back(name + ".bias", layer.bias);
  };
  add("qkv_proj", layers_.qkv);
  add("out_proj", layers_.out);
  return named;
}

std::vector<at::Tensor> RingMultiheadAttention::parameters() const {
  std::vector<at::Tensor> all;
  for (const auto& [name, parameter] : named_parameters()) all.push_back(parameter);
  return all;
}

void RingMultiheadAttention::sum_gradients() { ringattn::sum_gradients(parameters(), communicator_); }

}  // namespace ringattn

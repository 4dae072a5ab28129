#include "legacy/semantics.h"

#include "legacy/raises.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

namespace ringattn::legacy {

at::Tensor strided_index(std::int64_t offset, std::int64_t length, std::int64_t r, at::Device device) {
  if (offset > length) throw LegacyRaises("RuntimeError", "upper bound and lower bound inconsistent with step sign");
  return at::arange(offset, length, r, at::TensorOptions(at::kLong).device(device));
}

at::Tensor cyclic_index(std::int64_t offset, std::int64_t length, std::int64_t r, at::Device device) {
  const at::Tensor distinct = strided_index(offset, length, r, device);
  if (distinct.numel() == 0) throw LegacyRaises("ZeroDivisionError", "integer division or modulo by zero");
  const at::Tensor slots = at::arange(length, at::TensorOptions(at::kLong).device(device));
  return distinct.index_select(0, slots.remainder(distinct.numel()));
}

FullInputs rows_of(const FullInputs& inputs, std::int64_t first, std::int64_t count) {
  const auto take = [&](const at::Tensor& tensor) { return tensor.narrow(1, first, count); };
  return {take(inputs.query), take(inputs.key), take(inputs.value)};
}

FullInputs rows_of(const FullInputs& inputs, const at::Tensor& index) {
  const auto take = [&](const at::Tensor& tensor) { return tensor.index_select(1, index); };
  return {take(inputs.query), take(inputs.key), take(inputs.value)};
}

FullInputs heads_of(const FullInputs& inputs, const HeadGroup& heads) {
  const auto take = [&](const at::Tensor& tensor) { return tensor.narrow(2, heads.first, heads.count); };
  return {take(inputs.query), take(inputs.key), take(inputs.value)};
}

std::vector<HeadGroup> head_groups(GroupRule rule, std::int64_t heads, std::size_t pairs) {
  if (rule == GroupRule::first_larger) return groups_first_larger(heads, pairs);
  if (rule == GroupRule::last_larger) return groups_last_larger(heads, pairs);
  if (rule == GroupRule::all_heads) return std::vector<HeadGroup>(pairs, HeadGroup{0, heads});
  const std::int64_t each = heads / static_cast<std::int64_t>(pairs);
  std::vector<HeadGroup> groups;
  for (std::size_t i = 0; i < pairs; ++i) groups.push_back({static_cast<std::int64_t>(i) * each, each});
  groups.back().count = heads - groups.back().first;
  return groups;
}

std::vector<PairPart> pair_parts(const std::vector<Pair>& pairs, std::int64_t heads, GroupRule rule) {
  const std::vector<HeadGroup> groups = head_groups(rule, heads, pairs.size());
  std::vector<PairPart> parts;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    parts.push_back({static_cast<std::int64_t>(i), pairs[i].segment_length, pairs[i].dilation_rate, groups[i]});
  }
  return parts;
}

at::Tensor masked_scores(const at::Tensor& query, const at::Tensor& key, const at::Tensor& visible) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(query.size(3)));
  at::Tensor scores = at::matmul(query.transpose(1, 2), key.permute({0, 2, 3, 1})) * scale;
  if (visible.defined()) scores.masked_fill_(visible.logical_not(), -std::numeric_limits<double>::infinity());
  return scores;
}

at::Tensor attend_or_nan(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                         const at::Tensor& visible) {
  const at::Tensor weights = at::softmax(masked_scores(query, key, visible), -1);
  return at::matmul(weights, value.transpose(1, 2)).transpose(1, 2);
}

Mixer attention_mixer(bool is_causal) {
  return [is_causal](const FullInputs& piece) {
    const at::Tensor visible =
        is_causal ? triangle(piece.query.size(1), piece.key.size(1), 0, piece.query.device()) : at::Tensor();
    return attend_or_nan(piece.query, piece.key, piece.value, visible);
  };
}

at::Tensor mix_heads(const FullInputs& piece, bool is_causal) {
  const auto swapped = [](const at::Tensor& tensor) { return tensor.transpose(1, 2); };
  return swapped(
      attention_mixer(is_causal)(FullInputs{swapped(piece.query), swapped(piece.key), swapped(piece.value)}));
}

Mixer head_mixer(bool is_causal) {
  return [is_causal](const FullInputs& piece) { return mix_heads(piece, is_causal); };
}

at::Tensor visible_by_position(const at::Tensor& query_positions, const at::Tensor& key_positions) {
  return query_positions.unsqueeze(1) >= key_positions.unsqueeze(0);
}

at::Tensor by_head_group(const FullInputs& inputs, const std::vector<PairPart>& parts,
                         const std::function<at::Tensor(const PairPart&, const FullInputs&)>& part, EmptyGroups empty) {
  at::Tensor out = at::zeros_like(inputs.query);
  for (const PairPart& pair : parts) {
    if (pair.heads.count == 0 && empty == EmptyGroups::skipped) continue;
    out.narrow(2, pair.heads.first, pair.heads.count).copy_(part(pair, heads_of(inputs, pair.heads)));
  }
  return out;
}

void raise_invalid_shape(const std::vector<std::int64_t>& shape, std::int64_t numel) {
  std::string sizes;
  for (const std::int64_t size : shape) sizes += (sizes.empty() ? "" : ", ") + std::to_string(size);
  throw LegacyRaises("RuntimeError", "shape '[" + sizes + "]' is invalid for input of size " + std::to_string(numel));
}

void require_whole_segments(const FullInputs& inputs, std::int64_t w) {
  const at::Tensor& query = inputs.query;
  if (query.size(1) % w == 0) return;
  raise_invalid_shape({query.size(0), query.size(1) / w, w, query.size(2), query.size(3)}, query.numel());
}

at::Tensor co_indexed(const FullInputs& inputs, const std::vector<PairPart>& parts, const Mixer& mixer) {
  return by_head_group(inputs, parts, [&](const PairPart& pair, const FullInputs& heads) {
    const std::int64_t w = pair.segment_length;
    require_whole_segments(heads, w);
    const at::Tensor selected = strided_index(pair.offset(), w, pair.dilation_rate, heads.query.device());
    at::Tensor out = at::zeros_like(heads.query);
    for (std::int64_t start = 0; selected.numel() > 0 && start < heads.seq_len(); start += w) {
      const at::Tensor index = selected + start;
      out.index_copy_(1, index, mixer(rows_of(heads, index)));
    }
    return out;
  });
}

at::Tensor keys_by_segment(const FullInputs& inputs, const std::vector<PairPart>& parts, bool is_causal,
                           OffsetForm form) {
  const Mixer mixer = attention_mixer(is_causal);
  return by_head_group(inputs, parts, [&](const PairPart& pair, const FullInputs& heads) {
    const std::int64_t n = heads.seq_len();
    const std::int64_t length = std::min(pair.segment_length, n);
    const std::int64_t offset = form == OffsetForm::reduced ? pair.offset() : pair.index;
    at::Tensor slots;
    if (pair.dilation_rate > 1) slots = cyclic_index(offset, length, pair.dilation_rate, heads.query.device());
    at::Tensor out = at::empty_like(heads.query);
    for (std::int64_t start = 0; start < n; start += length) {
      FullInputs segment = rows_of(heads, start, std::min(length, n - start));
      if (slots.defined() && segment.seq_len() == length) {
        segment.key = segment.key.index_select(1, slots);
        segment.value = segment.value.index_select(1, slots);
      }
      out.narrow(1, start, segment.seq_len()).copy_(mixer(segment));
    }
    return out;
  });
}

at::Tensor dilate_whole(const at::Tensor& tensor, const std::vector<PairPart>& parts) {
  const std::int64_t rows = tensor.size(1);
  at::Tensor result = tensor.clone();
  for (const PairPart& pair : parts) {
    if (pair.dilation_rate == 1 || rows < pair.dilation_rate || pair.heads.count == 0) continue;
    const at::Tensor index = cyclic_index(pair.offset(), rows, pair.dilation_rate, tensor.device());
    const at::Tensor heads = tensor.narrow(2, pair.heads.first, pair.heads.count);
    result.narrow(2, pair.heads.first, pair.heads.count).copy_(heads.index_select(1, index));
  }
  return result;
}

}  // namespace ringattn::legacy

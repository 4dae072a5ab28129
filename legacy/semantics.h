#pragma once

#include "config/axes.h"
#include "legacy/plain.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

// What the released classes computed in one process, from parts: which rows (index sets), which heads (groups), what is
// done with a piece (a Mixer), and the few loops over pairs and segments that most classes share. Everything as
// released: a row without a visible key is NaN, a causal triangle runs over slots, not positions.

namespace ringattn::legacy {

// --- Index sets, int64 ---

/// P(offset, length, r) = offset, offset + r, … < length. LegacyRaises for offset > length, as torch.arange did; empty
/// for offset == length.
at::Tensor strided_index(std::int64_t offset, std::int64_t length, std::int64_t r, at::Device device);

/// Slot j = 0 … length - 1 holds P[j mod m], m = |P|. LegacyRaises where P is empty (ZeroDivisionError) or offset >
/// length.
at::Tensor cyclic_index(std::int64_t offset, std::int64_t length, std::int64_t r, at::Device device);

// --- What reshapes raised ---

/// LegacyRaises with the words of a view to a shape that does not hold `numel` elements.
[[noreturn]] void raise_invalid_shape(const std::vector<std::int64_t>& shape, std::int64_t numel);
/// The view to (batch, n / w, w, heads, dim), which raised where w does not divide n.
void require_whole_segments(const FullInputs& inputs, std::int64_t w);

// --- Parts of the inputs ---

FullInputs rows_of(const FullInputs& inputs, std::int64_t first, std::int64_t count);
FullInputs rows_of(const FullInputs& inputs, const at::Tensor& index);
FullInputs heads_of(const FullInputs& inputs, const HeadGroup& heads);

/// Which heads a pair serves: ⌊H/G⌋ each, and one more for the first (GF) or last (GL) H mod G pairs, or all that
/// remain for the last pair (GR); or every pair all heads.
enum class GroupRule { first_larger, last_larger, last_takes_rest, all_heads };
std::vector<HeadGroup> head_groups(GroupRule rule, std::int64_t heads, std::size_t pairs);

/// One (w, r) pair with its place in the lists and its heads. offset() is i mod r.
struct PairPart {
  std::int64_t index = 0;
  std::int64_t segment_length = 0;
  std::int64_t dilation_rate = 1;
  HeadGroup heads{};
  std::int64_t offset() const { return index % dilation_rate; }
};
std::vector<PairPart> pair_parts(const std::vector<Pair>& pairs, std::int64_t heads, GroupRule rule);

// --- Attention of one piece: (batch, a or b, heads, dim) in, (batch, a, heads, dim) out ---

using Mixer = std::function<at::Tensor(const FullInputs& piece)>;

/// scale · q kᵀ, masked to -inf where `visible` (a, b) is false (undefined: nowhere): (batch, heads, a, b).
at::Tensor masked_scores(const at::Tensor& query, const at::Tensor& key, const at::Tensor& visible = {});

/// softmax(masked_scores) v. A row that sees nothing is NaN (attend() of plain.h makes it 0).
at::Tensor attend_or_nan(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                         const at::Tensor& visible = {});

/// S0: attention over positions, causal by the row's number in the piece.
Mixer attention_mixer(bool is_causal);

/// HEAD-MIX: positions and heads never changed places, so that each position attends over its own heads; causal: over
/// the heads up to its own.
at::Tensor mix_heads(const FullInputs& piece, bool is_causal);
Mixer head_mixer(bool is_causal);

/// (rows, columns) bool: true where row's true position is at or after column's.
at::Tensor visible_by_position(const at::Tensor& query_positions, const at::Tensor& key_positions);

// --- Loops over pairs ---

/// What a class did with a pair that has no heads, where there are fewer heads than pairs: nothing, or all the same,
/// which may raise.
enum class EmptyGroups { skipped, attended };

/// Writes `part(pair, inputs of its heads)` (batch, n, its heads, dim) into its heads. Heads of no pair stay 0.
at::Tensor by_head_group(const FullInputs& inputs, const std::vector<PairPart>& parts,
                         const std::function<at::Tensor(const PairPart&, const FullInputs&)>& part,
                         EmptyGroups empty = EmptyGroups::skipped);

/// S1 and S2a: for each pair and whole segment, rows P(offset, w, r) are replaced by mixer(those rows); other rows 0.
/// Divides by nothing. LegacyRaises where w does not divide n.
at::Tensor co_indexed(const FullInputs& inputs, const std::vector<PairPart>& parts, const Mixer& mixer);

/// How a pair's offset was reckoned: i mod r, or i.
enum class OffsetForm { reduced, unreduced };

/// S3: in each segment of ℓ = min(w, n) rows every row attends the ℓ slots of cyclic_index(offset, ℓ, r); what remains
/// attends itself.
at::Tensor keys_by_segment(const FullInputs& inputs, const std::vector<PairPart>& parts, bool is_causal,
                           OffsetForm form = OffsetForm::reduced);

/// Each pair's heads gathered by cyclic_index(offset, rows, r) over all rows of `tensor`, segments ignored; heads with
/// r == 1, or fewer rows than r, stay as they are. (S4: on K and V; S5: on Q, too.)
at::Tensor dilate_whole(const at::Tensor& tensor, const std::vector<PairPart>& parts);

}  // namespace ringattn::legacy

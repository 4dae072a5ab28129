#include "legacy/intended.h"

#include "config/error.h"
#include "legacy/intended_rows.h"

#include <ATen/ATen.h>

namespace ringattn::legacy {
namespace {

/// One evaluation: what every call of attend() needs, and the result that it adds to.
class Evaluation {
 public:
  Evaluation(const FullInputs& inputs, const PatternAxes& axes, const IntendedArguments& arguments)
      : inputs_(inputs), axes_(axes), arguments_(arguments), out_(at::zeros_like(inputs.query)) {}

  at::Tensor run() {
    const std::vector<Pair>& pairs = arguments_.pairs;
    const auto groups = head_groups(axes_.heads, inputs_.heads(), pairs.size());
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      for (const Stretch& stretch : stretches(axes_, pairs, i, inputs_.seq_len())) add(i, stretch, groups[i]);
    }
    if (axes_.join != JoinRule::single) out_.div_(static_cast<double>(pairs.size()));
    return out_;
  }

 private:
  /// One head at a time where the offset is the head's.
  void add(std::size_t index, const Stretch& stretch, const HeadGroup& group) {
    const std::int64_t r = stretch.is_dense ? 1 : arguments_.pairs[index].dilation_rate;
    const std::int64_t heads = axes_.offset == OffsetRule::head ? 1 : group.count;
    for (std::int64_t head = group.first; head < group.first + group.count; head += heads) {
      const std::int64_t o = offset_of(axes_.offset, r, static_cast<std::int64_t>(index), stretch.number, head);
      for (const Call& call : calls(axes_, stretch, inputs_.seq_len(), o, r)) attend_rows(call, {head, heads});
    }
  }

  void attend_rows(const Call& call, const HeadGroup& heads) {
    if (call.queries.empty() || call.keys.empty()) return;
    const auto part = [&](const at::Tensor& tensor, const Rows& rows) {
      return rows_of(tensor.narrow(2, heads.first, heads.count), rows);
    };
    const at::Tensor result =
        attend(part(inputs_.query, call.queries), part(inputs_.key, call.keys), part(inputs_.value, call.keys),
               attend_options(inputs_, arguments_, heads, call.queries, call.keys));
    at::Tensor target = out_.narrow(2, heads.first, heads.count);
    if (call.queries.list.defined()) {
      target.index_add_(1, call.queries.list.to(target.device()), result);
    } else {
      rows_of(target, call.queries).add_(result);
    }
  }

  const FullInputs& inputs_;
  const PatternAxes& axes_;
  const IntendedArguments& arguments_;
  at::Tensor out_;
};

}  // namespace

at::Tensor intended_attention(const FullInputs& inputs, const PatternAxes& axes, const IntendedArguments& arguments) {
  if (axes.join == JoinRule::softmax)
    throw UsageError("axes/join: 'softmax' is nothing that an old class did; use single, groups or mean");
  return Evaluation(inputs, axes, arguments).run();
}

}  // namespace ringattn::legacy

#include "attention/receive_buffers.h"

#include <ATen/ATen.h>

#include <initializer_list>

namespace ringattn {

ReceiveBuffers::ReceiveBuffers(const Plan& plan, const CostShape& shape, at::Device device) : shape_(shape) {
  const Cost cost = cost_of(plan, shape);
  for (int i = 0; i < 2; ++i) {
    if (cost.buffer_bytes[i] > 0)
      buffers_[i] = at::empty({cost.buffer_bytes[i]}, at::TensorOptions().dtype(at::kByte).device(device));
  }
}

std::vector<KeyValue> regions_in(const at::Tensor& buffer, const Step& step, const CostShape& shape,
                                 at::ScalarType type, const at::Tensor& mask) {
  std::vector<KeyValue> regions(step.regions.size());
  std::int64_t offset = 0;
  const auto take = [&](std::initializer_list<std::int64_t> sizes, at::ScalarType of) {
    const std::int64_t bytes = c10::multiply_integers(sizes) * static_cast<std::int64_t>(c10::elementSize(of));
    offset += bytes;
    return buffer.narrow(0, offset - bytes, bytes).view(of).view(sizes);
  };
  const auto for_each = [&](auto use) {
    for (std::size_t i = 0; i < regions.size(); ++i) {
      if (step.regions[i].rows > 0) use(step.regions[i], regions[i]);
    }
  };
  const auto rows_of = [&](const Region& r) {
    return take({shape.batch, r.rows, r.heads.size(), shape.head_dim}, type);
  };
  for_each([&](const Region& r, KeyValue& to) { to.key = rows_of(r), to.head_begin = r.heads.begin; });
  for_each([&](const Region& r, KeyValue& to) { to.value = rows_of(r); });
  if (mask.defined())
    for_each([&](const Region& r, KeyValue& to) { to.mask = take({mask.size(0), r.rows}, mask.scalar_type()); });
  return regions;
}

std::vector<KeyValue> ReceiveBuffers::regions(const Step& step, std::size_t index, const KeyValue& own) const {
  return regions_in(buffers_[Plan::buffer_of(index)], step, shape_, own.key.scalar_type(), own.mask);
}

}  // namespace ringattn

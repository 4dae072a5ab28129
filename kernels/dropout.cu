// Drops attention weights by their place: one thread a weight, which draws its own word. CPU twin: dropout_cpu.cpp.

#include "kernels/dropout.h"
#include "kernels/launch.cuh"
#include "kernels/philox_device.cuh"

namespace ringattn::kernels {
namespace {

constexpr int kThreads = 256;

template <typename T>
__global__ void drop_weights(T* weights, DropShape shape, const std::int64_t* query_positions,
                             const std::int64_t* key_positions, DropoutRule rule, std::uint32_t key_high,
                             std::int64_t count) {
  const std::int64_t flat = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (flat >= count) return;
  const std::int64_t key = key_positions[flat % shape.keys], rest = flat / shape.keys;
  const std::int64_t query = query_positions[rest % shape.rows], above = rest / shape.rows;
  const std::int64_t head = shape.head_begin + above % shape.heads, batch = shape.batch_begin + above / shape.heads;
  const std::uint32_t word = philox_word(static_cast<std::uint32_t>(key / 4), static_cast<std::uint32_t>(query),
                                         static_cast<std::uint32_t>(head), static_cast<std::uint32_t>(batch),
                                         static_cast<std::uint32_t>(rule.seed), key_high, static_cast<int>(key % 4));
  weights[flat] *= word >= rule.threshold ? static_cast<T>(rule.scale) : T(0);
}

}  // namespace

template <typename T>
void drop_weights_cuda(T* weights, const DropShape& shape, const std::int64_t* query_positions,
                       const std::int64_t* key_positions, const DropoutRule& rule, void* stream) {
  const std::int64_t count = shape.batches * shape.heads * shape.rows * shape.keys;
  if (count == 0) return;
  drop_weights<T><<<blocks_for(count, kThreads), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
      weights, shape, query_positions, key_positions, rule, dropout_key_high(rule.seed), count);
  check_launch("drop_weights");
}

template void drop_weights_cuda<float>(float*, const DropShape&, const std::int64_t*, const std::int64_t*,
                                       const DropoutRule&, void*);
template void drop_weights_cuda<double>(double*, const DropShape&, const std::int64_t*, const std::int64_t*,
                                        const DropoutRule&, void*);

}  // namespace ringattn::kernels

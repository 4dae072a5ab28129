#include "legacy/released_support.h"

#include "config/error.h"
#include "legacy/raises.h"
#include "legacy/ring_pass.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>

#include <algorithm>

namespace ringattn::legacy {

FullInputs attention_inputs(const ReleasedInputs& inputs) {
  return {inputs.tensor("query"), inputs.tensor("key"), inputs.tensor("value")};
}

std::vector<Pair> pairs_of(const ReleasedArguments& arguments) {
  std::vector<Pair> pairs;
  const std::size_t count = std::min(arguments.segment_lengths.size(), arguments.dilation_rates.size());
  for (std::size_t i = 0; i < count; ++i) pairs.push_back({arguments.segment_lengths[i], arguments.dilation_rates[i]});
  return pairs;
}

void python_assert(bool holds, const std::string& message) {
  if (!holds) throw LegacyRaises("AssertionError", message);
}

void assert_divisible(std::int64_t rows, std::int64_t parts, const std::string& what) {
  python_assert(rows % parts == 0, "Sequence length " + std::to_string(rows) + " must be divisible by " + what + " " +
                                       std::to_string(parts));
}

std::int64_t ring_size_or_world(const ReleasedArguments& arguments, const Communicator& communicator) {
  const std::int64_t given = arguments.ring_size.value_or(0);
  return given == 0 ? communicator.world_size() : given;
}

std::int64_t ring_size_when_distributed(const ReleasedArguments& arguments, const Communicator& communicator) {
  return communicator.world_size() == 1 ? 1 : ring_size_or_world(arguments, communicator);
}

at::Tensor positions_from(std::int64_t first, std::int64_t rows, at::Device device) {
  return at::arange(first, first + rows, at::TensorOptions(at::kLong).device(device));
}

at::Tensor as_in_python(const std::function<at::Tensor()>& operations) {
  try {
    return operations();
  } catch (const c10::IndexError& error) {
    throw LegacyRaises("IndexError", error.what_without_backtrace());
  } catch (const c10::ValueError& error) {
    throw LegacyRaises("ValueError", error.what_without_backtrace());
  } catch (const c10::Error& error) {
    throw LegacyRaises("RuntimeError", error.what_without_backtrace());
  }
}

at::Tensor library_attention(const FullInputs& piece, bool is_causal) {
  return at::scaled_dot_product_attention(piece.query.transpose(1, 2), piece.key.transpose(1, 2),
                                          piece.value.transpose(1, 2), {}, 0.0, is_causal)
      .transpose(1, 2);
}

namespace {

/// A ring of another size than the world, of which no rank returned. Ranks count modulo the ring: those outside it work
/// on no rows, and wait for what goes to others; the others wait for them after each hop; of a ring larger than the
/// world some wait for ranks that do not exist. Before that each visits its own chunk, which may raise.
[[noreturn]] void partial_ring(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments,
                               std::int64_t ring_size, const std::function<void(const RingChunk&)>& visit,
                               const std::function<at::Tensor(const at::Tensor&)>& prepare) {
  const std::int64_t size = inputs.seq_len() / ring_size, source = communicator.rank() % ring_size;
  const bool is_member = communicator.rank() < ring_size;
  const auto own = [&](const at::Tensor& tensor) {
    const at::Tensor rows = is_member ? tensor.narrow(1, source * size, size) : tensor.narrow(1, 0, 0);
    return prepare ? prepare(rows) : rows;
  };
  const FullInputs chunk{inputs.query, own(inputs.key), own(inputs.value)};
  as_in_python([&] {
    visit({chunk, source, source * size});
    return inputs.query;
  });
  wait_for_ever(communicator, arguments);
}

std::vector<std::int64_t> used_chunks(const Communicator& communicator, const ReleasedArguments& arguments) {
  if (arguments.chunk_sequence.empty()) return {};
  return arguments.chunk_sequence.at(static_cast<std::size_t>(communicator.rank()));
}

}  // namespace

void key_value_ring(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments,
                    std::int64_t ring_size, const std::function<void(const RingChunk&)>& visit,
                    const std::function<at::Tensor(const at::Tensor&)>& prepare) {
  assert_divisible(inputs.seq_len(), ring_size);
  if (ring_size != communicator.world_size()) partial_ring(communicator, inputs, arguments, ring_size, visit, prepare);
  const std::int64_t size = inputs.seq_len() / ring_size;
  const auto own = [&](const at::Tensor& tensor) {
    const at::Tensor rows = tensor.narrow(1, communicator.rank() * size, size);
    return prepare ? prepare(rows) : rows;
  };
  ring_pass(communicator, {own(inputs.key), own(inputs.value)},
            {.used_chunks = used_chunks(communicator, arguments), .is_one_buffer = true}, [&](const RingStep& step) {
              visit({{inputs.query, step.tensors[0], step.tensors[1]}, step.source, step.source * size});
            });
}

}  // namespace ringattn::legacy

#include "legacy/released_hilbert.h"

#include "legacy/released_support.h"

#include <array>
#include <map>
#include <utility>

namespace ringattn::legacy {
namespace {

/// A class whose tensor operations raise what Python's raised.
template <ReleasedClass run>
at::Tensor python(Communicator& communicator, const ReleasedInputs& inputs, const ReleasedArguments& arguments) {
  return as_in_python([&] { return run(communicator, inputs, arguments); });
}

constexpr std::array entries{
    ReleasedEntry{"hilbert_core", python<hilbert_core>},
    ReleasedEntry{"hilbert_core_fixed", python<hilbert_core_fixed>},
    ReleasedEntry{"hilbert_optimized_correct", python<hilbert_optimized_correct>},
    ReleasedEntry{"hilbert_proper", python<hilbert_proper>},
    ReleasedEntry{"hilbert_gpu_optimized", python<hilbert_proper>},  // the same, whatever backend it chose
    ReleasedEntry{"hilbert_optimized_fixed", python<hilbert_optimized_fixed>},
    ReleasedEntry{"hilbert_optimized_fixed_a", python<hilbert_optimized_fixed_a>},
    ReleasedEntry{"hilbert_optimized_fixed_b", python<hilbert_optimized_fixed_b>},
    ReleasedEntry{"hilbert_optimized_fixed_global", python<hilbert_optimized_fixed_global>},
    ReleasedEntry{"hilbert_optimized_fixed_v2", python<hilbert_optimized_fixed_v2>},
    ReleasedEntry{"hilbert_attention_final", python<hilbert_attention_final>},
    ReleasedEntry{"hybrid_base", python<hybrid_base>},
    ReleasedEntry{"hybrid_hilbert_36bbb90", python<hybrid_hilbert_36bbb90>},
    ReleasedEntry{"hybrid_hilbert_6516258", python<hybrid_hilbert_6516258>},
    ReleasedEntry{"hybrid_hilbert_3bb0a59", python<hybrid_hilbert_averaged>},
    ReleasedEntry{"hybrid_hilbert_3ce07ad", python<hybrid_hilbert_averaged>},
    ReleasedEntry{"hilbert_v2", python<hilbert_v2>},
    ReleasedEntry{"hilbert_optimized", python<hilbert_optimized>},
    ReleasedEntry{"hilbert_optimized_proper", python<hilbert_optimized_proper>},
    ReleasedEntry{"hilbert_fixed", python<hilbert_fixed>},
    ReleasedEntry{"hilbert_refactored", python<hilbert_refactored>},
    ReleasedEntry{"hilbert_attention_core", python<hilbert_attention_core>},
    ReleasedEntry{"hilbert_attention_core_fixed_kernel", python<hilbert_attention_core_fixed_kernel>},
    ReleasedEntry{"hilbert_triton_wrapper", python<hilbert_triton_wrapper>},
    ReleasedEntry{"hilbert_triton_v1", python<hilbert_triton_v1>},
    ReleasedEntry{"hilbert_triton_v2", python<hilbert_triton_v2>},
    ReleasedEntry{"hilbert_triton_v3", python<hilbert_triton_v3>},
    ReleasedEntry{"hilbert_cuda_file", python<hilbert_cuda_file>},
    ReleasedEntry{"ring_hilbert", python<ring_hilbert>},
};

}  // namespace

std::span<const ReleasedEntry> hilbert_classes() { return entries; }

Json settings_of(const ReleasedArguments& arguments) {
  Json settings = arguments.constructor;
  const auto config = arguments.constructor.find("config");
  if (config != arguments.constructor.end() && config->is_object()) settings.update(*config);
  return settings;
}

std::vector<Pair> paired(const ReleasedArguments& arguments) {
  python_assert(arguments.segment_lengths.size() == arguments.dilation_rates.size(),
                "segment_lengths and dilation_rates must have same length");
  return pairs_of(arguments);
}

ReleasedInputs without_biases(const ReleasedInputs& inputs) {
  auto weights = inputs.tensors();
  std::erase_if(weights, [](const auto& named) { return named.first.ends_with(".bias"); });
  return ReleasedInputs(std::move(weights));
}

std::vector<Pair> pairs_or_default(const ReleasedArguments& arguments) {
  if (!arguments.segment_lengths.empty() || !arguments.dilation_rates.empty()) return paired(arguments);
  return {{2048, 1}, {4096, 2}, {8192, 4}};
}

}  // namespace ringattn::legacy

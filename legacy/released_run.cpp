#include "config/error.h"
#include "legacy/released.h"
#include "legacy/released_support.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ringattn::legacy {
namespace {

/// Classes without segments: empty lists are right for them.
constexpr std::array<std::string_view, 4> kWithoutLists{"fixed_simple", "memory_efficient", "ring_correct",
                                                        "ring_correct_v2"};
/// It took bias=False among other arguments that it did not look at.
constexpr std::string_view kKeepsBiases = "hilbert_core";
/// An option that may be 0.
constexpr std::string_view kThreshold = "min_seq_length_for_ring";

[[noreturn]] void refuse(const ReleasedEntry& entry, const std::string& what) {
  throw Unavailable(std::string(entry.alias) + ": " + what +
                    ", with which the class divided by zero, or never ended; nothing was recorded of that");
}

void check_lists(const ReleasedEntry& entry, const ReleasedArguments& arguments) {
  const bool wants_lists = std::find(kWithoutLists.begin(), kWithoutLists.end(), entry.alias) == kWithoutLists.end();
  if (wants_lists && arguments.segment_lengths.empty()) refuse(entry, "segment_lengths is empty");
  if (wants_lists && arguments.dilation_rates.empty()) refuse(entry, "dilation_rates is empty");
  for (const std::int64_t length : arguments.segment_lengths) {
    if (length < 1) refuse(entry, "segment_lengths holds " + std::to_string(length));
  }
  for (const std::int64_t rate : arguments.dilation_rates) {
    if (rate < 1) refuse(entry, "dilation_rates holds " + std::to_string(rate));
  }
}

void check_numbers(const ReleasedEntry& entry, const Json& options) {
  for (const auto& [name, value] : options.items()) {
    if (value.is_number_integer() && value.get<std::int64_t>() < 1 && name != kThreshold)
      refuse(entry, name + " is " + value.dump());
  }
}

/// With bias=False the projections have none, whatever a set of inputs holds for other calls.
ReleasedInputs with_asked_biases(const ReleasedEntry& entry, const ReleasedInputs& inputs,
                                 const ReleasedArguments& arguments) {
  if (entry.alias == kKeepsBiases || option(arguments.constructor, "bias", true)) return inputs;
  auto tensors = inputs.tensors();
  for (const char* layer : {"qkv_proj", "q_proj", "k_proj", "v_proj", "out_proj"})
    tensors.erase(std::string(layer) + ".bias");
  return ReleasedInputs(std::move(tensors));
}

}  // namespace

at::Tensor run_released(const ReleasedEntry& entry, Communicator& communicator, const ReleasedInputs& inputs,
                        const ReleasedArguments& arguments) {
  check_lists(entry, arguments);
  if (arguments.ring_size && *arguments.ring_size < 1)
    refuse(entry, "ring_size is " + std::to_string(*arguments.ring_size));
  check_numbers(entry, arguments.constructor);
  check_numbers(entry, arguments.call);
  try {
    const ReleasedInputs own = with_asked_biases(entry, inputs, arguments);
    return as_in_python([&] { return entry.run(communicator, own, arguments); });
  } catch (const std::out_of_range& error) {
    throw Unavailable(std::string(entry.alias) + ": lists of unequal length or a chunk sequence that is too short (" +
                      error.what() + "); nothing was recorded of that");
  }
}

}  // namespace ringattn::legacy

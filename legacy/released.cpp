#include "legacy/released.h"

#include "config/error.h"
#include "legacy/raises.h"

#include <ATen/ATen.h>

#include <cstddef>
#include <string>
#include <utility>

namespace ringattn::legacy {
namespace {

/// The option, or null where there is none; `is_right` says whether its type will do.
const Json* find_option(const Json& options, const std::string& name, bool (Json::*is_right)() const noexcept,
                        std::string_view type) {
  if (!options.is_object()) return nullptr;
  const auto found = options.find(name);
  if (found == options.end() || found->is_null()) return nullptr;
  if (!((*found).*is_right)()) {
    throw UsageError(name + ": must be " + std::string(type) + " (got " + found->dump() + ")");
  }
  return &*found;
}

template <class T>
T option_of(const Json& options, const std::string& name, T otherwise, bool (Json::*is_right)() const noexcept,
            std::string_view type) {
  const Json* found = find_option(options, name, is_right, type);
  return found == nullptr ? std::move(otherwise) : found->get<T>();
}

}  // namespace

template <>
bool option(const Json& options, const std::string& name, bool otherwise) {
  return option_of(options, name, otherwise, &Json::is_boolean, "true or false");
}

template <>
std::int64_t option(const Json& options, const std::string& name, std::int64_t otherwise) {
  return option_of(options, name, otherwise, &Json::is_number_integer, "an integer");
}

template <>
double option(const Json& options, const std::string& name, double otherwise) {
  return option_of(options, name, otherwise, &Json::is_number, "a number");
}

template <>
std::string option(const Json& options, const std::string& name, std::string otherwise) {
  return option_of(options, name, std::move(otherwise), &Json::is_string, "a string");
}

std::optional<std::int64_t> optional_integer(const Json& options, const std::string& name) {
  const Json* found = find_option(options, name, &Json::is_number_integer, "an integer");
  return found == nullptr ? std::nullopt : std::optional(found->get<std::int64_t>());
}

std::optional<double> optional_number(const Json& options, const std::string& name) {
  const Json* found = find_option(options, name, &Json::is_number, "a number");
  return found == nullptr ? std::nullopt : std::optional(found->get<double>());
}

const at::Tensor& ReleasedInputs::tensor(std::string_view name) const {
  const auto found = tensors_.find(name);
  if (found != tensors_.end()) return found->second;
  std::string known;
  for (const auto& [key, unused] : tensors_) known += (known.empty() ? "" : ", ") + key;
  throw UsageError("inputs: there is no tensor \"" + std::string(name) + "\"; there are: " + known);
}

at::Tensor ReleasedInputs::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? at::Tensor() : found->second;
}

at::Tensor own_rows(const Communicator& communicator, const at::Tensor& whole) {
  const std::int64_t rows = whole.size(1) / communicator.world_size();
  return whole.narrow(1, communicator.rank() * rows, rows);
}

void wait_for_ever(Communicator& communicator) {
  if (communicator.world_size() == 1) throw Unavailable("rank 0: alone in its world, it has nobody to wait for");
  std::byte never{};
  // Another hop and row size than any real message has: whatever is sent to this rank does not end the wait.
  const int peer = (communicator.rank() + 1) % communicator.world_size();
  Exchange exchange{.hop = 1 << 20, .sends = {}, .receives = {{peer, {{&never, 1, 1, 1}}}}};
  const Ticket ticket = communicator.post(std::move(exchange));
  communicator.wait_received(ticket);
  throw RuntimeFailure("rank " + std::to_string(communicator.rank()) + ": a message arrived that nobody sends");
}

void wait_for_ever(Communicator& communicator, const ReleasedArguments& arguments) {
  if (!arguments.reports_waits) wait_for_ever(communicator);
  throw LegacyRaises("deadlock", "rank " + std::to_string(communicator.rank()) +
                                     " waits for a message that nobody sends, until the process group gives up");
}

const ReleasedEntry* find_released(std::string_view alias) {
  for (const auto& table : {ring_classes(), hybrid_classes(), hilbert_classes(), new_variant_classes()}) {
    for (const ReleasedEntry& entry : table) {
      if (entry.alias == alias) return &entry;
    }
  }
  return nullptr;
}

}  // namespace ringattn::legacy

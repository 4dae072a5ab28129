#include "compare/old_call.h"

#include "config/error.h"

#include <algorithm>
#include <limits>

namespace ringattn {
namespace {

const std::vector<std::string> own_names{"segment_lengths", "dilation_rates", "is_causal", "ring_size",     "ranks",
                                         "world_size",      "constructor",    "call",      "already_split", "presplit",
                                         "patched",         "total_seq_len",  "pre_split", "chunk_sequence"};

std::vector<std::int64_t> integers(const JsonValue& value) {
  std::vector<std::int64_t> numbers;
  if (value.is_array() && value.raw().empty()) return numbers;
  for (const JsonValue& element : value.elements())
    numbers.push_back(element.integer(std::numeric_limits<std::int64_t>::min()));
  return numbers;
}

void read_lists(const JsonValue& root, OldCall& call) {
  const auto lengths = root.find("segment_lengths"), rates = root.find("dilation_rates");
  if (lengths.has_value() != rates.has_value())
    (lengths ? *lengths : *rates).refuse("segment_lengths and dilation_rates go together: give both or neither");
  if (!lengths) return;
  call.segment_lengths = integers(*lengths);
  call.dilation_rates = integers(*rates);
}

void read_ranks(const JsonValue& root, OldCall& call) {
  for (const char* name : {"world_size", "ranks"})
    if (const auto value = root.find(name)) call.ranks = static_cast<int>(value->integer(1, 1024));
  if (const auto value = root.find("ring_size"); value && !value->is_null()) call.ring_size = value->integer(1);
  if (const auto value = root.find("presplit")) call.is_presplit = value->boolean();
  if (const auto value = root.find("chunk_sequence"); value && !value->is_null())
    for (const JsonValue& steps : value->elements()) call.chunk_sequence.push_back(integers(steps));
}

Json object_at(const JsonValue& root, const std::string& name) {
  const auto value = root.find(name);
  if (!value || value->is_null()) return Json::object();
  if (!value->is_object()) value->refuse("must be an object of arguments");
  return value->raw();
}

/// Arguments that a class took itself or in a dictionary.
void read_arguments(const JsonValue& root, OldCall& call) {
  call.constructor = object_at(root, "constructor");
  call.call = object_at(root, "call");
  for (const auto& [name, value] : root.raw().items()) {
    const bool is_own = std::find(own_names.begin(), own_names.end(), name) != own_names.end();
    const bool is_argument = name == "already_split" || name == "total_seq_len" || name == "pre_split";
    if (is_own && !is_argument) continue;
    if (!is_argument) call.constructor[name] = value;
    call.call[name] = value;
  }
  const auto split = JsonValue(call.call, root.source(), "/call").find("already_split");
  if (split && split->boolean()) call.is_presplit = true;
  const auto ring_size = JsonValue(call.constructor, root.source(), "/constructor").find("ring_size");
  if (ring_size && !ring_size->is_null()) call.ring_size = ring_size->integer(1);
}

}  // namespace

OldCall old_call_from_json(const Json& object, const std::string& source, std::vector<std::string> known) {
  const JsonValue root(object, source);
  if (!root.is_object()) root.refuse("must be an object of the arguments of an old class");
  known.insert(known.end(), own_names.begin(), own_names.end());
  root.allow_only(known);
  OldCall call;
  read_lists(root, call);
  read_ranks(root, call);
  if (const auto causal = root.find("is_causal"); causal && !causal->is_null()) call.is_causal = causal->boolean();
  if (const auto patched = root.find("patched"); patched && !patched->is_null()) call.patched = patched->string();
  read_arguments(root, call);
  return call;
}

}  // namespace ringattn

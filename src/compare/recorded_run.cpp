#include "compare/recorded_run.h"

#include "config/error.h"

#include <array>
#include <limits>
#include <set>
#include <utility>

namespace ringattn {
namespace {

constexpr std::size_t index_bytes_max = std::size_t{1} << 28;
constexpr int world_size_max = 1024;
const std::vector<std::string> result_words{"tensor", "raises", "hangs"};

RecordedResult result_from(const JsonValue& value) {
  const std::string word = value.word(result_words);
  return word == "tensor" ? RecordedResult::tensor : word == "raises" ? RecordedResult::raises : RecordedResult::hangs;
}

/// The elements of an array that may be empty.
std::vector<JsonValue> elements_of(const JsonValue& value) {
  if (value.is_array() && value.raw().empty()) return {};
  return value.elements();
}

std::vector<std::int64_t> integers(const JsonValue& value, std::int64_t low) {
  std::vector<std::int64_t> numbers;
  for (const JsonValue& element : elements_of(value)) numbers.push_back(element.integer(low));
  return numbers;
}

std::string text_or_empty(const JsonValue& recorded, const std::string& key) {
  const auto value = recorded.find(key);
  return value && !value->is_null() ? value->string() : std::string();
}

Json object_or_empty(const JsonValue& recorded, const std::string& key) {
  const auto value = recorded.find(key);
  if (!value || value->is_null()) return Json::object();
  if (!value->is_object()) value->refuse("must be an object");
  return value->raw();
}

void check_one_a_rank(const JsonValue& list, std::size_t count, const RecordedRun& run) {
  if (count == 0 || count == static_cast<std::size_t>(run.world_size)) return;
  list.refuse("must have one element for each of " + std::to_string(run.world_size) + " ranks");
}

/// One list a rank, one chunk a step.
void read_chunk_sequence(const JsonValue& recorded, RecordedRun& run) {
  const auto sequence = recorded.find("chunk_sequence");
  if (!sequence || sequence->is_null()) return;
  for (const JsonValue& steps : elements_of(*sequence)) {
    run.chunk_sequence.push_back(integers(steps, 0));
    for (const std::int64_t chunk : run.chunk_sequence.back()) {
      if (chunk >= run.world_size) steps.refuse("must name chunks below the world size");
    }
  }
  check_one_a_rank(*sequence, run.chunk_sequence.size(), run);
}

void read_identity(const JsonValue& recorded, RecordedRun& run) {
  run.id = recorded.require("id").string();
  run.alias = recorded.require("alias").string();
  run.class_name = text_or_empty(recorded, "class");
  run.commit = text_or_empty(recorded, "commit");
  run.file = text_or_empty(recorded, "file");
  run.family = text_or_empty(recorded, "family");
  run.note = text_or_empty(recorded, "note");
  run.patched = text_or_empty(recorded, "patched");
}

void read_arguments(const JsonValue& recorded, RecordedRun& run) {
  run.world_size = static_cast<int>(recorded.require("world_size").integer(1, world_size_max));
  run.is_causal = recorded.require("is_causal").boolean();
  run.segment_lengths = integers(recorded.require("segment_lengths"), std::numeric_limits<std::int64_t>::min());
  run.dilation_rates = integers(recorded.require("dilation_rates"), std::numeric_limits<std::int64_t>::min());
  run.constructor = object_or_empty(recorded, "constructor");
  run.call = object_or_empty(recorded, "call");
  const auto ring_size = JsonValue(run.constructor, recorded.source(), "/constructor").find("ring_size");
  if (ring_size && !ring_size->is_null()) run.ring_size = ring_size->integer(0);
  const auto as_run = recorded.find("ring_size");  // beside the constructor's arguments: what came of a default
  if (!run.ring_size && as_run && !as_run->is_null()) run.ring_size = as_run->integer(0);
  const auto presplit = recorded.find("presplit");
  const auto already_split = JsonValue(run.call, recorded.source(), "/call").find("already_split");
  run.is_presplit = (presplit && presplit->boolean()) || (already_split && already_split->boolean());
  read_chunk_sequence(recorded, run);
}

void read_result(const JsonValue& recorded, RecordedRun& run) {
  run.result = result_from(recorded.require("result"));
  run.error = text_or_empty(recorded, "error");
  run.message = text_or_empty(recorded, "message");
  const auto ranks = recorded.find("rank_results");
  if (!ranks || ranks->is_null()) return;
  for (const JsonValue& rank : elements_of(*ranks)) run.rank_results.push_back(result_from(rank));
  check_one_a_rank(*ranks, run.rank_results.size(), run);
}

void read_mask_name(const JsonValue& recorded, RecordedRun& run) {
  const auto mask = JsonValue(run.call, recorded.source(), "/call").find("attention_mask");
  if (mask && !mask->is_null()) run.mask_name = mask->string();
}

void read_gradient(const JsonValue& recorded, RecordedRun& run) {
  const auto value = recorded.find("gradient");
  if (!value || value->is_null()) return;
  RecordedRun::Gradient gradient{.result = result_from(value->require("result")),
                                 .error = text_or_empty(*value, "error"),
                                 .message = text_or_empty(*value, "message")};
  if (gradient.result == RecordedResult::hangs) value->require("result").refuse("must be tensor or raises");
  run.gradient_run = std::move(gradient);
}

/// "index.json: case v2/w1/a/full", or the case's number where it has no id.
std::string case_name(const JsonValue& recorded) {
  const auto id = recorded.find("id");
  if (!id || !id->is_string()) return recorded.source() + ": " + recorded.pointer();
  return recorded.source() + ": case " + id->string();
}

}  // namespace

std::string_view to_string(RecordedResult result) {
  constexpr std::array<std::string_view, 3> words{"tensor", "raises", "hangs"};
  return words[static_cast<std::size_t>(result)];
}

RecordedResult RecordedRun::result_of(int rank) const {
  return rank_results.empty() ? result : rank_results[static_cast<std::size_t>(rank)];
}

RecordedRun recorded_run_from_json(const JsonValue& recorded) {
  RecordedRun run;
  read_identity(recorded, run);
  read_arguments(recorded, run);
  read_result(recorded, run);
  run.input_set = recorded.require("inputs").string();
  read_mask_name(recorded, run);
  read_gradient(recorded, run);
  return run;
}

void for_each_recorded_run(std::string_view text, const std::string& source,
                           const std::function<void(const RecordedRun&, const JsonValue&)>& take) {
  const Json index = parse_json_strict(text, source, index_bytes_max);
  const JsonValue root(index, source);
  (void)root.require("schema").integer(1, 1);
  std::set<std::string> ids;
  for (const JsonValue& recorded : root.require("cases").elements()) {
    const JsonValue named(recorded.raw(), case_name(recorded));
    const RecordedRun run = recorded_run_from_json(named);
    take(run, named);
    if (!ids.insert(run.id).second) named.require("id").refuse("two cases have this id");
  }
}

}  // namespace ringattn

#include "compare/recording.h"

#include "config/error.h"

#include <array>
#include <fstream>
#include <iterator>
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

/// Reads the cases of one folder. Input sets are read once and shared.
class RecordingReader {
 public:
  explicit RecordingReader(const std::string& folder) : tensors_(folder + "/golden.safetensors") {
    for (const auto& [name, unused] : tensors_.entries()) {
      if (!name.starts_with("inputs/")) continue;
      const std::size_t slash = name.find('/', inputs_.size());
      if (slash == std::string::npos) continue;
      sets_[name.substr(inputs_.size(), slash - inputs_.size())].emplace(name.substr(slash + 1), tensors_.tensor(name));
    }
  }

  Recording read(const JsonValue& recorded) const {
    Recording recording;
    read_identity(recorded, recording);
    read_arguments(recorded, recording);
    read_result(recorded, recording);
    recording.inputs = inputs_of(recorded, recording);
    read_rank_tensors(recorded, recording);
    read_gradient(recorded, recording);
    return recording;
  }

 private:
  static void read_identity(const JsonValue& recorded, Recording& recording) {
    recording.id = recorded.require("id").string();
    recording.alias = recorded.require("alias").string();
    recording.class_name = text_or_empty(recorded, "class");
    recording.commit = text_or_empty(recorded, "commit");
    recording.file = text_or_empty(recorded, "file");
    recording.family = text_or_empty(recorded, "family");
    recording.note = text_or_empty(recorded, "note");
    recording.patched = text_or_empty(recorded, "patched");
  }

  static void read_arguments(const JsonValue& recorded, Recording& recording) {
    recording.world_size = static_cast<int>(recorded.require("world_size").integer(1, world_size_max));
    recording.is_causal = recorded.require("is_causal").boolean();
    recording.segment_lengths = integers(recorded.require("segment_lengths"), std::numeric_limits<std::int64_t>::min());
    recording.dilation_rates = integers(recorded.require("dilation_rates"), std::numeric_limits<std::int64_t>::min());
    recording.constructor = object_or_empty(recorded, "constructor");
    recording.call = object_or_empty(recorded, "call");
    const auto ring_size = JsonValue(recording.constructor, recorded.source(), "/constructor").find("ring_size");
    if (ring_size && !ring_size->is_null()) recording.ring_size = ring_size->integer(0);
    const auto as_run = recorded.find("ring_size");  // beside the constructor's arguments: what came of a default
    if (!recording.ring_size && as_run && !as_run->is_null()) recording.ring_size = as_run->integer(0);
    const auto presplit = recorded.find("presplit");
    const auto already_split = JsonValue(recording.call, recorded.source(), "/call").find("already_split");
    recording.is_presplit = (presplit && presplit->boolean()) || (already_split && already_split->boolean());
    read_chunk_sequence(recorded, recording);
  }

  /// One list a rank, one chunk a step.
  static void read_chunk_sequence(const JsonValue& recorded, Recording& recording) {
    const auto sequence = recorded.find("chunk_sequence");
    if (!sequence || sequence->is_null()) return;
    for (const JsonValue& steps : elements_of(*sequence)) {
      recording.chunk_sequence.push_back(integers(steps, 0));
      for (const std::int64_t chunk : recording.chunk_sequence.back()) {
        if (chunk >= recording.world_size) steps.refuse("must name chunks below the world size");
      }
    }
    check_one_a_rank(*sequence, recording.chunk_sequence.size(), recording);
  }

  static void read_result(const JsonValue& recorded, Recording& recording) {
    recording.result = result_from(recorded.require("result"));
    recording.error = text_or_empty(recorded, "error");
    recording.message = text_or_empty(recorded, "message");
    const auto ranks = recorded.find("rank_results");
    if (!ranks || ranks->is_null()) return;
    for (const JsonValue& rank : elements_of(*ranks)) recording.rank_results.push_back(result_from(rank));
    check_one_a_rank(*ranks, recording.rank_results.size(), recording);
  }

  static void check_one_a_rank(const JsonValue& list, std::size_t count, const Recording& recording) {
    if (count == 0 || count == static_cast<std::size_t>(recording.world_size)) return;
    list.refuse("must have one element for each of " + std::to_string(recording.world_size) + " ranks");
  }

  TensorsByName inputs_of(const JsonValue& recorded, const Recording& recording) const {
    const JsonValue name = recorded.require("inputs");
    const auto set = sets_.find(name.string());
    if (set == sets_.end()) name.refuse("there are no tensors " + inputs_ + name.string() + "/…");
    TensorsByName inputs = set->second;
    inputs.erase("mask");
    const auto mask = JsonValue(recording.call, recorded.source(), "/call").find("attention_mask");
    if (mask && !mask->is_null()) inputs["attention_mask"] = mask_tensor(*mask);
    return inputs;
  }

  /// The call names its mask "inputs/SET/attention_mask"; the tensor is that, or "inputs/SET/mask".
  at::Tensor mask_tensor(const JsonValue& reference) const {
    const std::string name = reference.string();
    if (tensors_.contains(name)) return tensors_.tensor(name);
    const std::string set = name.substr(0, name.rfind('/') + 1);
    if (tensors_.contains(set + "mask")) return tensors_.tensor(set + "mask");
    reference.refuse("must name a tensor of " + tensors_.path());
  }

  void read_rank_tensors(const JsonValue& recorded, Recording& recording) const {
    for (int rank = 0; rank < recording.world_size; ++rank) {
      const std::string name = "rank" + std::to_string(rank);
      TensorsByName drawn;
      for (const char* what : {"mapping", "block_pattern"}) {
        const std::string path = "aux/" + recording.id + "/" + what + "/" + name;
        if (tensors_.contains(path)) drawn.emplace(std::string("aux/") + what, tensors_.tensor(path));
      }
      recording.drawn.push_back(std::move(drawn));
      const std::string output = "outputs/" + recording.id + "/" + name;
      const bool is_there = tensors_.contains(output);
      if (!is_there && recording.result_of(rank) == RecordedResult::tensor) {
        recorded.require("result").refuse(tensors_.path() + " has no tensor " + output);
      }
      recording.outputs.push_back(is_there ? tensors_.tensor(output) : at::Tensor());
    }
  }

  at::Tensor require_tensor(const JsonValue& where, const std::string& name) const {
    if (!tensors_.contains(name)) where.refuse(tensors_.path() + " has no tensor " + name);
    return tensors_.tensor(name);
  }

  void read_gradient(const JsonValue& recorded, Recording& recording) const {
    const auto value = recorded.find("gradient");
    if (!value || value->is_null()) return;
    RecordedGradient gradient;
    gradient.result = result_from(value->require("result"));
    if (gradient.result == RecordedResult::hangs) value->require("result").refuse("must be tensor or raises");
    gradient.error = text_or_empty(*value, "error");
    gradient.message = text_or_empty(*value, "message");
    gradient.grad_out = require_tensor(*value, "grad_out/" + recording.id);
    for (int rank = 0; rank < recording.world_size && gradient.result == RecordedResult::tensor; ++rank) {
      TensorsByName after;
      for (const char* input : {"query", "key", "value", "x"}) {
        if (recording.inputs.count(input) == 0) continue;
        const std::string path = "gradients/" + recording.id + "/rank" + std::to_string(rank) + "/" + input;
        const at::Tensor tensor = require_tensor(*value, path);
        if (tensor.sizes() != recording.inputs.at(input).sizes())
          value->refuse(path + ": must have the input's shape " + shape_text(recording.inputs.at(input).sizes().vec()) +
                        ", got " + shape_text(tensor.sizes().vec()));
        after.emplace(input, tensor);
      }
      gradient.ranks.push_back(std::move(after));
    }
    recording.gradient = std::move(gradient);
  }

  const std::string inputs_ = "inputs/";
  SafetensorsFile tensors_;
  std::map<std::string, TensorsByName, std::less<>> sets_;
};

Json read_index(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    throw UsageError(path + ": cannot be read; a folder of recordings has index.json and golden.safetensors");
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  return parse_json_strict(text, path, index_bytes_max);
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

RecordedResult Recording::result_of(int rank) const {
  return rank_results.empty() ? result : rank_results[static_cast<std::size_t>(rank)];
}

std::vector<Recording> read_recordings(const std::string& folder) {
  const std::string path = folder + "/index.json";
  const Json index = read_index(path);
  const JsonValue root(index, path);
  (void)root.require("schema").integer(1, 1);
  const RecordingReader reader(folder);
  std::vector<Recording> recordings;
  std::set<std::string> ids;
  for (const JsonValue& recorded : root.require("cases").elements()) {
    const JsonValue named(recorded.raw(), case_name(recorded));
    recordings.push_back(reader.read(named));
    if (!ids.insert(recordings.back().id).second) named.require("id").refuse("two cases have this id");
  }
  return recordings;
}

}  // namespace ringattn

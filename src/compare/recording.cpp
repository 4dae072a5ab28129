#include "compare/recording.h"

#include "config/error.h"

#include <fstream>
#include <iterator>
#include <utility>

namespace ringattn {
namespace {

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

  Recording read(const RecordedRun& run, const JsonValue& recorded) const {
    Recording recording{run};
    recording.inputs = inputs_of(recorded, recording);
    read_rank_tensors(recorded, recording);
    read_gradient(recorded, recording);
    return recording;
  }

 private:
  TensorsByName inputs_of(const JsonValue& recorded, const Recording& recording) const {
    const auto set = sets_.find(recording.input_set);
    if (set == sets_.end())
      recorded.require("inputs").refuse("there are no tensors " + inputs_ + recording.input_set + "/…");
    TensorsByName inputs = set->second;
    inputs.erase("mask");
    if (recording.mask_name) {
      const JsonValue call(recording.call, recorded.source(), "/call");
      inputs["attention_mask"] = mask_tensor(*recording.mask_name, call.require("attention_mask"));
    }
    return inputs;
  }

  /// The call names its mask "inputs/SET/attention_mask"; the tensor is that, or "inputs/SET/mask".
  at::Tensor mask_tensor(const std::string& name, const JsonValue& reference) const {
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
    if (!recording.gradient_run) return;
    const JsonValue value = recorded.require("gradient");
    RecordedGradient gradient{.result = recording.gradient_run->result,
                              .error = recording.gradient_run->error,
                              .message = recording.gradient_run->message};
    gradient.grad_out = require_tensor(value, "grad_out/" + recording.id);
    for (int rank = 0; rank < recording.world_size && gradient.result == RecordedResult::tensor; ++rank) {
      TensorsByName after;
      for (const char* input : {"query", "key", "value", "x"}) {
        if (recording.inputs.count(input) == 0) continue;
        const std::string path = "gradients/" + recording.id + "/rank" + std::to_string(rank) + "/" + input;
        const at::Tensor tensor = require_tensor(value, path);
        if (tensor.sizes() != recording.inputs.at(input).sizes())
          value.refuse(path + ": must have the input's shape " + shape_text(recording.inputs.at(input).sizes().vec()) +
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

std::string read_text(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    throw UsageError(path + ": cannot be read; a folder of recordings has index.json and golden.safetensors");
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

std::vector<Recording> read_recordings(const std::string& folder) {
  const std::string path = folder + "/index.json";
  const std::string text = read_text(path);
  const RecordingReader reader(folder);
  std::vector<Recording> recordings;
  for_each_recorded_run(text, path, [&](const RecordedRun& run, const JsonValue& recorded) {
    recordings.push_back(reader.read(run, recorded));
  });
  return recordings;
}

}  // namespace ringattn

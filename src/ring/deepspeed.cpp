#include "ring/deepspeed.h"

#include "config/error.h"
#include "config/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <utility>

namespace ringattn {
namespace {

constexpr std::size_t kBytesMax = std::size_t{1} << 20;

/// Keys of DeepSpeed that say nothing about attention, and whose business they are.
const std::map<std::string, std::string>& foreign_keys() {
  static const std::map<std::string, std::string> keys{
      {"train_batch_size", "batches are the caller's"},
      {"train_micro_batch_size_per_gpu", "batches are the caller's"},
      {"gradient_accumulation_steps", "steps are the caller's"},
      {"gradient_clipping", "gradients are the optimizer's"},
      {"prescale_gradients", "gradients are the optimizer's"},
      {"gradient_predivide_factor", "gradients are the optimizer's"},
      {"optimizer", "there is no optimizer here"},
      {"scheduler", "there is no optimizer here"},
      {"zero_optimization", "it shards parameters and optimizer states, of which attention has none"},
      {"zero_allow_untested_optimizer", "there is no optimizer here"},
      {"steps_per_print", "every call is in the monitoring files"},
      {"dump_state", "the configuration is in every checkpoint"},
      {"sparse_gradients", "gradients of attention are dense"},
      {"sparse_attention", "which query attends which key is the pattern's"},
      {"activation_checkpointing", "backward computes weights anew in any case"},
      {"amp", "inputs are computed in the type that they have"},
      {"tensorboard", "monitoring is written as JSON lines and Prometheus text"},
      {"wandb", "monitoring is written as JSON lines and Prometheus text"},
      {"csv_monitor", "monitoring is written as JSON lines and Prometheus text"},
      {"comet", "monitoring is written as JSON lines and Prometheus text"},
      {"checkpoint", "checkpoint_frequency and the checkpoint folder say that"},
      {"data_types", "sums over ranks are fp32 in any case"},
      {"memory_breakdown", "peak bytes are in the monitoring files"},
      {"aio", "nothing is offloaded"},
      {"autotuning", "compile_mode max-autotune measures backends and blocks"},
      {"data_efficiency", "data is the caller's"},
      {"curriculum_learning", "data is the caller's"},
      {"compression_training", "weights are the caller's"},
      {"elasticity", "the number of ranks is the communicator's"},
      {"pipeline", "layers are the caller's"},
      {"inference", "it is about training"},
  };
  return keys;
}

/// Reads an object of switches: those that act are taken by `take`, the others are named.
class Section {
 public:
  Section(const JsonValue& value, std::string name, std::vector<std::string>& warnings)
      : value_(value), name_(std::move(name)), warnings_(warnings) {
    if (!value.is_object()) value.refuse("must be an object");
  }
  ~Section() = default;
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;

  bool flag(const std::string& key) {
    known_.insert(key);
    const auto found = value_.find(key);
    return found && found->boolean();
  }
  std::int64_t integer(const std::string& key, std::int64_t low, std::int64_t usual) {
    known_.insert(key);
    const auto found = value_.find(key);
    return found ? found->integer(low) : usual;
  }
  void warn_of_the_rest() {
    for (const auto& item : value_.raw().items()) {
      if (!known_.contains(item.key()))
        warnings_.push_back(fmt::format("{}.{}: has no meaning here and is left alone", name_, item.key()));
    }
  }

 private:
  const JsonValue& value_;
  std::string name_;
  std::vector<std::string>& warnings_;
  std::set<std::string> known_;
};

void read_types(DeepSpeedSettings& settings, const JsonValue& root) {
  for (const auto& [key, dtype] : {std::pair{"bf16", Dtype::bf16}, {"bfloat16", Dtype::bf16}, {"fp16", Dtype::fp16}}) {
    const auto value = root.find(key);
    if (!value) continue;
    Section section(*value, key, settings.warnings);
    const bool is_enabled = section.flag("enabled");
    section.warn_of_the_rest();
    if (!is_enabled) continue;
    if (settings.dtype && *settings.dtype != dtype) value->refuse("only one of bf16 and fp16 can be enabled");
    settings.dtype = dtype;
  }
}

void read_communication_type(DeepSpeedSettings& settings, const JsonValue& value) {
  const std::string name = value.is_null() ? "" : value.word({"fp16", "fp32", "bf16", "bfp16"});
  if (name.empty()) return;
  if (name == "fp16") {
    settings.warnings.emplace_back(
        "communication_data_type: fp16 overflows for derivatives; they travel as fp32. bf16 makes them half as large");
    return;
  }
  settings.communication_dtype = name == "fp32" ? Dtype::fp32 : Dtype::bf16;
}

void read_known(DeepSpeedSettings& settings, const std::string& key, const JsonValue& value) {
  if (key == "sequence_parallel_size") {
    settings.sequence_parallel_size = value.integer(1);
  } else if (key == "communication_data_type") {
    read_communication_type(settings, value);
  } else if (key == "wall_clock_breakdown") {
    settings.logs_time = value.boolean();
  } else if (key == "comms_logger") {
    Section section(value, key, settings.warnings);
    settings.logs_communication = section.flag("enabled");
    section.warn_of_the_rest();
  } else if (key == "flops_profiler") {
    Section section(value, key, settings.warnings);
    settings.profiles_flops = section.flag("enabled");
    settings.profile_step = section.integer("profile_step", 1, 1);
    section.warn_of_the_rest();
  } else if (const auto foreign = foreign_keys().find(key); foreign != foreign_keys().end()) {
    settings.warnings.push_back(fmt::format("{}: has no meaning here: {}", key, foreign->second));
  } else {
    settings.warnings.push_back(fmt::format("{}: is no key of DeepSpeed that is known here, and is left alone", key));
  }
}

}  // namespace

DeepSpeedSettings deepspeed_from_json_text(const std::string& text, const std::string& source) {
  const Json json = parse_json_strict(text, source, kBytesMax);
  const JsonValue root(json, source);
  if (!root.is_object()) root.refuse("must be an object");
  DeepSpeedSettings settings;
  settings.is_given = true;
  read_types(settings, root);
  for (const auto& item : json.items()) {
    if (item.key() == "bf16" || item.key() == "bfloat16" || item.key() == "fp16") continue;
    read_known(settings, item.key(), root.require(item.key()));
  }
  return settings;
}

DeepSpeedSettings load_deepspeed(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw UsageError(fmt::format("{}: cannot be read", path));
  return deepspeed_from_json_text({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()}, path);
}

RingAttentionConfig with_deepspeed(RingAttentionConfig config, const DeepSpeedSettings& settings) {
  if (settings.dtype) {
    if (config.dtype && *config.dtype != *settings.dtype)
      throw UsageError(fmt::format("dtype: the configuration says {}, the DeepSpeed configuration {}",
                                   to_string(*config.dtype), to_string(*settings.dtype)));
    config.dtype = settings.dtype;
  }
  config.log_communication_stats = config.log_communication_stats || settings.logs_communication;
  return config;
}

}  // namespace ringattn

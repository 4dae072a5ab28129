#include "config/config_fields.h"

#include "config/config_json.h"
#include "config/error.h"
#include "config/names.h"

namespace ringattn {
namespace {

using Config = RingAttentionConfig;

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : "|") + word;
  return text;
}

ConfigField boolean(std::string name, bool Config::*member, std::string summary) {
  return {{std::move(name), "boolean", "", std::move(summary)},
          [member](const Config& c) { return Json(c.*member); },
          [member](Config& c, const JsonValue& v) { c.*member = v.boolean(); }};
}

ConfigField integer(std::string name, std::int64_t Config::*member, std::int64_t low, std::string summary) {
  return {{std::move(name), "integer", "", std::move(summary)},
          [member](const Config& c) { return Json(c.*member); },
          [member, low](Config& c, const JsonValue& v) { c.*member = v.integer(low); }};
}

ConfigField number(std::string name, double Config::*member, double low, double high, std::string summary) {
  return {{std::move(name), "number", "", std::move(summary)},
          [member](const Config& c) { return Json(c.*member); },
          [member, low, high](Config& c, const JsonValue& v) { c.*member = v.number(low, high); }};
}

ConfigField positive_list(std::string name, std::vector<std::int64_t> Config::*member, std::string summary) {
  return {{std::move(name), "list of positive integers", "", std::move(summary)},
          [member](const Config& c) { return Json(c.*member); },
          [member](Config& c, const JsonValue& v) {
            if (!v.is_array()) v.refuse("must be a list of positive integers such as [2048,4096]");
            std::vector<std::int64_t> list;
            for (const JsonValue& element : v.elements()) list.push_back(element.integer(1));
            c.*member = std::move(list);
          }};
}

template <typename E>
ConfigField choice(std::string name, E Config::*member, std::string summary) {
  return {{std::move(name), joined(names<E>()), "", std::move(summary)},
          [member](const Config& c) { return Json(to_string(c.*member)); },
          [member](Config& c, const JsonValue& v) { c.*member = parse<E>(v.word(names<E>()), v.pointer()); }};
}

ConfigField compile_mode() {
  ConfigField field = choice(
      "compile_mode", &Config::compile_mode,
      "max-autotune: measure backends and block sizes first, and take the fastest; reduce-overhead: on a GPU a step "
      "of the ring is one CUDA graph");
  field.info.type = "null|default|reduce-overhead|max-autotune";
  field.get = [](const Config& c) {
    return c.compile_mode == CompileMode::none ? Json(nullptr) : Json(to_string(c.compile_mode));
  };
  field.set = [](Config& c, const JsonValue& v) {
    static const std::vector<std::string> modes(names<CompileMode>().begin() + 1, names<CompileMode>().end());
    c.compile_mode = v.is_null() ? CompileMode::none : parse<CompileMode>(v.word(modes), v.pointer());
  };
  return field;
}

ConfigField ring_size() {
  return {{"ring_size", "null|integer", "", "ranks in one ring, a divisor of the number of ranks; null: all of them"},
          [](const Config& c) { return c.ring_size ? Json(*c.ring_size) : Json(nullptr); },
          [](Config& c, const JsonValue& v) {
            if (v.is_null()) {
              c.ring_size.reset();
            } else {
              c.ring_size = v.integer(1);
            }
          }};
}

ConfigField softmax_scale() {
  return {{"softmax_scale", "null|number", "", "what scores are multiplied by, above 0; null: 1/√head_dim"},
          [](const Config& c) { return c.softmax_scale ? Json(*c.softmax_scale) : Json(nullptr); },
          [](Config& c, const JsonValue& v) {
            if (v.is_null()) {
              c.softmax_scale.reset();
              return;
            }
            const double scale = v.number(0.0);
            if (scale == 0.0) v.refuse("must be null or above 0");
            c.softmax_scale = scale;
          }};
}

ConfigField dtype() {
  return {{"dtype", "auto|" + joined(names<Dtype>()), "", "type of query, key and value; auto: as the workload says"},
          [](const Config& c) { return Json(c.dtype ? to_string(*c.dtype) : std::string_view("auto")); },
          [](Config& c, const JsonValue& v) {
            std::vector<std::string> known{"auto"};
            known.insert(known.end(), names<Dtype>().begin(), names<Dtype>().end());
            for (const char* name : {"float32", "bfloat16", "float16", "float64"}) {
              known.insert(known.end(), {name, "torch." + std::string(name)});
            }
            const std::string word = v.word(known);
            if (word == "auto") {
              c.dtype.reset();
            } else {
              c.dtype = parse_dtype(word, v.pointer());
            }
          }};
}

ConfigField pattern() {
  return {{"pattern", joined(pattern_names()) + "|object of axes", "", "which query attends which key"},
          [](const Config& c) { return to_json(c.pattern); },
          [](Config& c, const JsonValue& v) { c.pattern = pattern_from_json(v); }};
}

ConfigField not_in_guide(ConfigField field) {
  field.info.in_guide = false;
  return field;
}

std::vector<ConfigField> build_table() {
  constexpr double unbounded = std::numeric_limits<double>::max();
  std::vector<ConfigField> table{
      positive_list("segment_lengths", &Config::segment_lengths, "segment length of each pair"),
      positive_list("dilation_rates", &Config::dilation_rates, "dilation rate of each pair"),
      not_in_guide(pattern()),
      number("dropout", &Config::dropout, 0.0, 1.0, "probability that an attention weight is dropped in training"),
      not_in_guide(softmax_scale()),
      boolean("use_tf32", &Config::use_tf32, "false: fp32 products on GPUs never use TF32; true: as LibTorch is set"),
      choice("device", &Config::device, "where ranks and their tensors are; auto: the CPU"),
      dtype(),
      not_in_guide(choice("layout", &Config::layout, "which rank owns which row")),
      not_in_guide(choice("backend", &Config::backend, "what computes one tile")),
      ring_size(),
      choice("communication_backend", &Config::communication_backend, "what carries rows between ranks"),
      boolean("enable_error_recovery", &Config::enable_error_recovery,
              "try a failed message again; else every rank stops at once"),
      integer("max_retry_attempts", &Config::max_retry_attempts, 1,
              "attempts at one message, the first included, before every rank stops"),
      number("retry_delay", &Config::retry_delay, 0.0, unbounded,
             "seconds before the second attempt, doubled before each later one"),
      boolean("use_memory_pool", &Config::use_memory_pool,
              "two receive buffers that hops use in turn; else one for each hop"),
      boolean("preallocate_buffers", &Config::preallocate_buffers,
              "take both receive buffers before the first step; else each when a hop first needs it"),
      boolean("aggressive_memory_cleanup", &Config::aggressive_memory_cleanup,
              "free receive buffers before the last step, and give reserves back to the system after each call"),
      boolean("overlap_communication", &Config::overlap_communication, "post the next hop before computing this one"),
      boolean("use_fused_kernels", &Config::use_fused_kernels,
              "kernels that join several operations may be used; false: backend auto is reference"),
      compile_mode(),
      boolean("enable_profiling", &Config::enable_profiling, "record what each rank does when, as a Chrome trace"),
      boolean("log_communication_stats", &Config::log_communication_stats,
              "say after each call what communication came to"),
      boolean("validate_gradients", &Config::validate_gradients, "hold each backward of autograd against the oracle"),
      boolean("use_hilbert", &Config::use_hilbert,
              "layout auto may deal rows along a Hilbert curve where that is cheaper; results stay what they are"),
      integer("hilbert_curve_level", &Config::hilbert_curve_level, 0,
              "a curve fills 4^level rows, longer segments several; 1 to 16 where there is one"),
      not_in_guide(integer("hilbert_min_segment_size", &Config::hilbert_min_segment_size, 0,
                           "segments of fewer rows keep their order")),
      integer("checkpoint_frequency", &Config::checkpoint_frequency, 0, "forward calls between checkpoints; 0: never"),
      boolean("enable_watchdog", &Config::enable_watchdog,
              "stop every rank when a wait lasts longer than watchdog_timeout"),
      number("watchdog_timeout", &Config::watchdog_timeout, 0.0, unbounded, "seconds that one wait may last, above 0"),
  };
  const Config defaults;
  for (ConfigField& field : table) field.info.default_value = field.get(defaults).dump();
  return table;
}

}  // namespace

const std::vector<ConfigField>& config_field_table() {
  static const std::vector<ConfigField> table = build_table();
  return table;
}

const ConfigField* find_config_field(const std::string& name) {
  for (const ConfigField& field : config_field_table()) {
    if (field.info.name == name) return &field;
  }
  return nullptr;
}

const std::vector<std::string>& config_field_names() {
  static const std::vector<std::string> list = [] {
    std::vector<std::string> result;
    for (const ConfigField& field : config_field_table()) result.push_back(field.info.name);
    return result;
  }();
  return list;
}

const std::vector<FieldInfo>& config_fields() {
  static const std::vector<FieldInfo> list = [] {
    std::vector<FieldInfo> result;
    for (const ConfigField& field : config_field_table()) result.push_back(field.info);
    return result;
  }();
  return list;
}

}  // namespace ringattn

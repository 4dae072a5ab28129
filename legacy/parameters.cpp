#include "legacy/parameters.h"

#include "config/did_you_mean.h"
#include "config/error.h"

#include <algorithm>
#include <cctype>

namespace ringattn::legacy {
namespace {

std::string shown(const OldArgument& argument) {
  return !argument.text.empty() || !argument.value ? argument.text : argument.value->dump();
}

/// "torch.bfloat16" to "bf16"; "" for anything that is no dtype.
std::string dtype_word(std::string text) {
  if (text.starts_with("torch.")) text = text.substr(6);
  if (text == "float32" || text == "float" || text == "fp32") return "fp32";
  if (text == "float16" || text == "half" || text == "fp16") return "fp16";
  if (text == "bfloat16" || text == "bf16") return "bf16";
  return text == "float64" || text == "double" || text == "fp64" ? "fp64" : "";
}

/// "cuda:1" to "cuda": which GPU is whose, the ranks say.
std::string device_word(const std::string& text) {
  const std::size_t begin = text.find_first_of("\"'");
  const std::size_t end = text.find_last_of("\"'");
  const bool is_call = text.starts_with("torch.device(") && begin != std::string::npos && end > begin;
  const std::string word = is_call ? text.substr(begin + 1, end - begin - 1) : text;
  return word.starts_with("cuda") ? "cuda" : word == "cpu" || word == "auto" ? word : "";
}

/// The JSON that the new field takes for an old value; none: an expression, whose text carries over.
std::optional<Json> new_value(const ParameterRule& rule, const OldArgument& argument) {
  if (rule.field == "dtype" || rule.field == "device") {
    if (argument.value && argument.value->is_null()) return Json(rule.field == "device" ? Json("auto") : Json());
    const bool is_text = argument.value && argument.value->is_string();
    const std::string text = is_text ? argument.value->get<std::string>() : argument.text;
    const std::string word = rule.field == "dtype" ? dtype_word(text) : device_word(text);
    if (!word.empty()) return Json(word);
    return argument.value;
  }
  if (!argument.value) return std::nullopt;
  if (rule.name == "segment_size" || rule.name == "dilation_rate") return Json::array({*argument.value});
  if (rule.name == "compile_model" && argument.value->is_boolean()) {
    return argument.value->get<bool>() ? Json("default") : Json();
  }
  return argument.value;
}

std::string new_text(const ParameterRule& rule, const OldArgument& argument) {
  if (rule.name == "segment_size" || rule.name == "dilation_rate") return "[" + argument.text + "]";
  if (rule.name == "compile_model") return "\"default\" if " + argument.text + " else None";
  return argument.text;
}

/// A name in the source whose value happens to be known: its text carries over, not the value.
bool is_name(const OldArgument& argument) {
  const std::string& text = argument.text;
  const bool is_word = !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c >= 0x80U;
  });
  const bool is_constant = text == "None" || text == "True" || text == "False";
  return is_word && !is_constant && std::isdigit(static_cast<unsigned char>(text.front())) == 0;
}

/// Maps the arguments of one call, one after the other.
class Mapper {
 public:
  explicit Mapper(const ReleasedName& name) : name_(name), signature_(signature_of(name)) {}

  MappedParameters map(const std::vector<OldArgument>& arguments) {
    std::size_t position = 0;
    for (const OldArgument& argument : arguments) {
      if (argument.name) {
        add(*argument.name, argument);
      } else if (position < signature_.size()) {
        add(signature_[position++].name, argument);
      } else {
        refuse(std::to_string(++position) + ". argument", argument,
               std::string(name_.name) + " took " + std::to_string(signature_.size()));
      }
    }
    add_what_is_missing();
    return std::move(result_);
  }

 private:
  const SignatureParameter* own(const std::string& parameter) const {
    const auto found = std::find_if(signature_.begin(), signature_.end(),
                                    [&](const SignatureParameter& each) { return each.name == parameter; });
    return found == signature_.end() ? nullptr : &*found;
  }

  bool is_given(const std::string& parameter) const {
    return std::any_of(result_.parameters.begin(), result_.parameters.end(),
                       [&](const MappedParameter& each) { return each.parameter == parameter; });
  }

  void refuse(const std::string& parameter, const OldArgument& argument, const std::string& words) {
    result_.parameters.push_back({parameter, shown(argument), ParameterFate::refused, "", words});
  }

  void add(const std::string& parameter, const OldArgument& argument) {
    if (is_given(parameter)) return refuse(parameter, argument, "given twice");
    const ParameterRule* rule = find_rule(parameter);
    if (rule == nullptr) {
      const std::string note = "no class had such a parameter";
      return refuse(parameter, argument, note + did_you_mean(parameter, known_parameters()));
    }
    MappedParameter mapped{parameter, shown(argument), rule->fate, std::string(rule->field), std::string(rule->words)};
    if (!argument.fields.empty() && rule->fate == ParameterFate::refused) return add_fields(mapped, argument);
    settle(mapped, *rule, argument);
    if (!in_fields_ && own(parameter) == nullptr && !takes_any_keyword(name_)) {
      mapped.words +=
          (mapped.words.empty() ? "" : "; ") + std::string(name_.name) + " had no such parameter and raised TypeError";
    }
    result_.parameters.push_back(std::move(mapped));
  }

  /// A configuration object stands for its fields.
  void add_fields(MappedParameter& mapped, const OldArgument& argument) {
    mapped.fate = ParameterFate::dropped;
    mapped.words = "its fields are those of the new configuration";
    result_.parameters.push_back(mapped);
    in_fields_ = true;
    for (const OldArgument& field : argument.fields) {
      if (field.name) {
        add(*field.name, field);
      } else {
        refuse(mapped.parameter, field, "a field without a name");
      }
    }
    in_fields_ = false;
  }

  void settle(MappedParameter& mapped, const ParameterRule& rule, const OldArgument& argument) {
    if (rule.fate == ParameterFate::refused && argument.value && argument.value->is_null()) {
      mapped.fate = ParameterFate::dropped;
      mapped.words = "none was given";
    } else if (rule.fate == ParameterFate::dropped && rule.changes_function && !is_standard(mapped, argument)) {
      mapped.fate = ParameterFate::refused;
      mapped.words += "; another value than the class's own changed the result";
    } else if (!rule.field.empty()) {
      set(mapped, rule, argument);
    }
  }

  bool is_standard(const MappedParameter& mapped, const OldArgument& argument) const {
    const SignatureParameter* parameter = own(mapped.parameter);
    if (parameter == nullptr || !argument.value) return parameter == nullptr;
    return parameter->standard && *argument.value == Json::parse(*parameter->standard);
  }

  void set(MappedParameter& mapped, const ParameterRule& rule, const OldArgument& argument) {
    const std::optional<Json> value = new_value(rule, argument);
    if (!value || is_name(argument)) result_.expressions.emplace_back(mapped.field, new_text(rule, argument));
    if (!value) return;
    const bool is_absent_list =
        value->is_null() && (mapped.field == "segment_lengths" || mapped.field == "dilation_rates");
    if (is_absent_list) {
      mapped.fate = ParameterFate::dropped;
      mapped.field.clear();
      mapped.words = "none was given";
      return;
    }
    try {
      set_field(result_.config, mapped.field, value->dump(), mapped.parameter);
    } catch (const UsageError& error) {
      mapped.fate = ParameterFate::refused;
      mapped.words = error.what();
    }
  }

  /// Required parameters that are missing, and defaults of the class that are not those of the new configuration.
  void add_what_is_missing() {
    for (const SignatureParameter& parameter : signature_) {
      if (is_given(parameter.name)) continue;
      if (!parameter.standard) {
        result_.missing.push_back(parameter.name);
      } else {
        add_default(parameter);
      }
    }
  }

  void add_default(const SignatureParameter& parameter) {
    const bool decides = parameter.name == "segment_lengths" || parameter.name == "dilation_rates" ||
                         parameter.name == "dropout" || parameter.name == "segment_size" ||
                         parameter.name == "dilation_rate";
    const Json standard = Json::parse(*parameter.standard);
    if (!decides || standard.is_null() || standard == 0.0) return;
    const ParameterRule& rule = *find_rule(parameter.name);
    const bool is_said = std::any_of(result_.parameters.begin(), result_.parameters.end(),
                                     [&](const MappedParameter& each) { return each.field == rule.field; });
    if (is_said) return;  // under another name
    MappedParameter mapped{parameter.name, *parameter.standard, rule.fate, std::string(rule.field),
                           "not given: the class's own default"};
    set(mapped, rule, OldArgument{.name = parameter.name, .value = standard});
    result_.parameters.push_back(std::move(mapped));
  }

  const ReleasedName& name_;
  std::vector<SignatureParameter> signature_;
  MappedParameters result_{};
  bool in_fields_ = false;
};

}  // namespace

std::string_view to_string(ParameterFate fate) {
  switch (fate) {
    case ParameterFate::kept:
      return "kept";
    case ParameterFate::renamed:
      return "renamed";
    case ParameterFate::dropped:
      return "dropped";
    case ParameterFate::refused:
      return "refused";
  }
  return "";
}

MappedParameters map_parameters(const ReleasedName& name, const std::vector<OldArgument>& arguments) {
  return Mapper(name).map(arguments);
}

MappedParameters map_parameters(const ReleasedName& name, const Json& arguments) {
  std::vector<OldArgument> list;
  if (!arguments.is_object() && !arguments.is_array()) {
    throw UsageError("old parameters: an object (by name) or an array (by position) is needed (got " +
                     arguments.dump() + ")");
  }
  for (const auto& [key, value] : arguments.items()) {
    const bool is_named = arguments.is_object();
    list.push_back({.name = is_named ? std::optional<std::string>(key) : std::nullopt, .value = value});
  }
  return map_parameters(name, list);
}

}  // namespace ringattn::legacy

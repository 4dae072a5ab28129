#include "config/env.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

extern char** environ;  // POSIX: the one place that reads it

namespace ringattn {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::optional<int> positive_number(const std::string& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_whole = error == std::errc{} && end == text.data() + text.size();
  return is_whole && value > 0 ? std::optional<int>(value) : std::nullopt;
}

bool is_of_launcher(const std::string& name) {
  constexpr std::array names = {"RANK",        "WORLD_SIZE",  "LOCAL_RANK",         "LOCAL_WORLD_SIZE",
                                "MASTER_ADDR", "MASTER_PORT", "RINGATTN_INTERFACE", "RINGATTN_LISTENER"};
  constexpr std::array prefixes = {"TORCHELASTIC_", "OMPI_COMM_WORLD_", "PMI_", "MPI_LOCAL", "SLURM_"};
  return std::any_of(names.begin(), names.end(), [&](const char* known) { return name == known; }) ||
         std::any_of(prefixes.begin(), prefixes.end(), [&](const char* prefix) { return name.starts_with(prefix); });
}

void take(Env& env, const std::string& name, const std::string& value) {
  constexpr std::string_view set_prefix = "RINGATTN_SET_";
  constexpr std::string_view axis_prefix = "RINGATTN_AXIS_";
  if (name.starts_with(set_prefix)) {
    env.fields[lower(name.substr(set_prefix.size()))] = value;
  } else if (name.starts_with(axis_prefix)) {
    env.axes[lower(name.substr(axis_prefix.size()))] = value;
  } else if (name == "RINGATTN_PRESETS") {
    env.preset_folder = value;
  } else if (name == "NO_COLOR") {
    env.no_color = !value.empty();
  } else if (name == "CLICOLOR_FORCE") {
    env.force_color = !value.empty() && value != "0";
  } else if (name == "TERM") {
    env.term = value;
  } else if (name == "OMP_NUM_THREADS") {
    env.omp_num_threads = positive_number(value);
  } else if (is_of_launcher(name)) {
    env.launcher[name] = value;
  }
}

}  // namespace

Env Env::from(const std::vector<std::string>& variables) {
  Env env;
  for (const std::string& variable : variables) {
    const std::size_t equals = variable.find('=');
    if (equals != std::string::npos) take(env, variable.substr(0, equals), variable.substr(equals + 1));
  }
  return env;
}

Env Env::read() { return from(variables()); }

std::vector<std::string> Env::variables() {
  std::vector<std::string> variables;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable)
    variables.emplace_back(*variable);
  return variables;
}

}  // namespace ringattn

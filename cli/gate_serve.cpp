#include "cli/gate_worker.h"
#include "cli/version.h"
#include "cli/workbench.h"
#include "compare/records.h"
#include "config/config_json.h"
#include "config/error.h"
#include "config/preset.h"
#include "measure/runner.h"
#include "ring/factory.h"
#include "ring/ring_attention.h"

#include <memory>
#include <optional>

namespace ringattn {
namespace {

/// One case, ready to be timed.
class ServedCase {
 public:
  ServedCase(const Preset& preset, std::int64_t seed, std::chrono::milliseconds timeout)
      : bench_(InputOptions{}, seed, timeout) {
    resolve_implementation(preset.implementation);
    const std::vector<Case> cases = expand(preset.workload);
    if (cases.size() != 1) throw UsageError("preset: must have exactly one case");
    const Case& axes = cases.front();
    bench_.allow_for(cases);
    ring_ = std::make_unique<RingAttention>(preset.config, bench_.problem(axes), static_cast<int>(axes.ranks));
    timing_ = std::make_unique<PreparedTiming>(TimedContender{&bench_.world(axes.ranks).world(), ring_.get()},
                                               bench_.inputs(axes), scalar_type(axes.dtype));
  }
  std::int64_t sample_ns() { return timing_->sample_ns(); }

 private:
  Workbench bench_;
  std::unique_ptr<RingAttention> ring_;
  std::unique_ptr<PreparedTiming> timing_;
};

class Server {
 public:
  explicit Server(std::chrono::milliseconds timeout) : timeout_(timeout) {}

  Json answer(const std::string& line) {
    try {
      const Json json = parse_json_strict(line, "request");
      return answer(JsonValue(json, "request"));
    } catch (const std::exception& error) {
      return {{"error", error.what()}};
    }
  }

 private:
  Json answer(const JsonValue& request) {
    const std::string ask = request.require("ask").word({"hello", "prepare", "sample"});
    if (ask == "hello") return {{"protocol", worker_protocol}, {"build", version_line()}};
    if (ask == "sample") {
      if (!case_) request.refuse("nothing is prepared");
      return {{"time_ns", case_->sample_ns()}};
    }
    case_.reset();
    case_ = std::make_unique<ServedCase>(preset_from_json(request.require("preset")),
                                         request.require("seed").integer(0), timeout_);
    return {{"ready", true}};
  }

  std::chrono::milliseconds timeout_;
  std::unique_ptr<ServedCase> case_;
};

/// A line without its end; none at the end of the input.
std::optional<std::string> next_line(std::FILE* file) {
  std::string line;
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) {
    if (c == '\n') return line;
    line += static_cast<char>(c);
  }
  return std::nullopt;
}

}  // namespace

int serve_gate(std::FILE* requests, std::FILE* answers, std::chrono::milliseconds timeout) {
  Server server(timeout);
  while (const std::optional<std::string> line = next_line(requests)) {
    const std::string answer = server.answer(*line).dump() + "\n";
    if (std::fwrite(answer.data(), 1, answer.size(), answers) != answer.size() || std::fflush(answers) != 0) return 4;
  }
  return 0;
}

}  // namespace ringattn

#include "cli/doctor.h"

#include "cli/doctor_measure.h"
#include "cli/exit_code.h"
#include "cli/implementations.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/machine.h"
#include "cli/verbs.h"
#include "config/environment.h"
#include "config/json.h"
#include "report/table.h"

#include <CLI/CLI.hpp>

namespace ringattn {
namespace {

std::string gibibytes(std::int64_t bytes) {
  const std::int64_t tenths = bytes * 10 / (std::int64_t{1} << 30);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " GiB";
}

struct Fact {
  std::string name;
  std::string value;
};

std::vector<Fact> machine_facts(const Environment& e, const TorchFacts& torch) {
  std::vector<Fact> facts{
      {"ringattn", e.ringattn_version},
      {"commit", e.git_commit.empty() ? "not built from git" : e.git_commit},
      {"build", e.build_type.empty() ? e.compiler : e.build_type + ", " + e.compiler},
      {"LibTorch", e.libtorch + ", " + std::to_string(torch.intra_op_threads) + " intra-op threads"},
      {"CPU", e.cpu_model.empty() ? "unknown" : e.cpu_model},
      {"cores", std::to_string(e.cpu_cores_usable) + " usable of " + std::to_string(e.cpu_cores_online)},
      {"memory", gibibytes(e.memory_available_bytes) + " free of " + gibibytes(e.memory_bytes)},
      {"kernel", e.kernel}};
  for (const std::string& gpu : torch.gpus) facts.push_back({"GPU", gpu});
  return facts;
}

std::vector<Ability> abilities(const TorchFacts& torch) {
  std::vector<Ability> list{{"ranks as threads", true, "any number of ranks; they share the cores"},
                            torch.cuda_build,
                            torch.cuda_runtime,
                            torch.nccl};
  for (const Ability& backend : torch.backends)
    list.push_back({"backend " + backend.name, backend.available, backend.detail});
  const std::size_t old_count = old_implementation_names().size();
  list.push_back({"old implementations", old_count > 0,
                  old_count > 0 ? std::to_string(old_count) + " can run" : "built with RINGATTN_LEGACY=OFF"});
  return list;
}

std::string to_text(const std::vector<Fact>& facts, const std::vector<Ability>& able, const TextStyle& style) {
  std::vector<std::vector<Cell>> rows;
  for (const Fact& fact : facts) rows.push_back({{fact.name}, {fact.value}});
  std::string text = render_table({{"machine and build", false}, {"", false}}, rows, style) + "\n";
  rows.clear();
  for (const Ability& ability : able) {
    rows.push_back({{ability.name},
                    {ability.available ? "yes" : "no", ability.available ? Tone::good : Tone::faint},
                    {ability.detail}});
  }
  return text + render_table({{"can run", false}, {"here", false}, {"why", false}}, rows, style);
}

Json to_json(const std::vector<Fact>& facts, const std::vector<Ability>& able) {
  Json document{{"machine", Json::object()}, {"abilities", Json::array()}};
  for (const Fact& fact : facts) {
    if (fact.name != "GPU") document["machine"][fact.name] = fact.value;
  }
  document["machine"]["GPUs"] = Json::array();
  for (const Fact& fact : facts) {
    if (fact.name == "GPU") document["machine"]["GPUs"].push_back(fact.value);
  }
  for (const Ability& a : able) {
    document["abilities"].push_back({{"name", a.name}, {"available", a.available}, {"detail", a.detail}});
  }
  return document;
}

}  // namespace

int run_doctor(const DoctorOptions& options, Terminal& terminal) {
  const TorchFacts torch = torch_facts();
  const std::vector<Fact> facts = machine_facts(capture_environment(options.shared.env, torch.version), torch);
  const std::vector<Ability> able = abilities(torch);
  Json document = to_json(facts, able);
  std::string text = to_text(facts, able, terminal.style());
  if (!options.quick) {
    const MachineMeasurements measured = measure_machine(options.shared.env);
    document["measurements"] = to_json(measured);
    text += "\n" + to_text(measured, terminal.style());
  }
  show_result(terminal, options.json, json_text(document), text);
  return static_cast<int>(interrupted() ? exit_interrupted : exit_yes);
}

void add_doctor(CLI::App& app, const SharedOptions& shared, Invocation& invocation) {
  const auto options = std::make_shared<DoctorOptions>();
  options->shared = shared;
  CLI::App* verb = app.add_subcommand("doctor", "what this machine can run, why not the rest, and how fast it is");
  add_switch(*verb, "--quick", options->quick, "measure nothing: what can run, and why not the rest");
  add_json(*verb, options->json);
  add_shared(*verb, options->shared);
  verb->final_callback([options, &invocation] {
    invocation = {options->shared.color, [options](Terminal& terminal) { return run_doctor(*options, terminal); }};
  });
}

}  // namespace ringattn

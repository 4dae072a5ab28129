#include "config/json.h"
#include "program.h"

#include <doctest/doctest.h>

namespace ringattn {
namespace {

using test::contains;
using test::Finished;
using test::run;

bool is_coloured(const Finished& f) { return contains(f.out, "\x1b["); }

TEST_CASE("colour: off where stdout is no terminal, on when asked for, --color beating NO_COLOR") {
  CHECK(!is_coloured(run({"--help"})));
  CHECK(!is_coloured(run({"doctor", "--quick"})));
  CHECK(is_coloured(run({"doctor", "--quick", "--color", "always"})));
  CHECK(is_coloured(run({"doctor", "--quick", "--color", "always"}, {"NO_COLOR=1"})));
  CHECK(!is_coloured(run({"doctor", "--quick", "--color", "never"}, {"CLICOLOR_FORCE=1"})));
  CHECK(is_coloured(run({"doctor", "--quick"}, {"CLICOLOR_FORCE=1"})));
  CHECK(!is_coloured(run({"doctor", "--quick"}, {"CLICOLOR_FORCE=1", "NO_COLOR=1"})));
}

TEST_CASE("a flag comes from its environment twin unless the command line has it") {
  CHECK(is_coloured(run({"doctor", "--quick"}, {"RINGATTN_COLOR=always"})));
  CHECK(!is_coloured(run({"doctor", "--quick", "--color", "never"}, {"RINGATTN_COLOR=always"})));
  const Finished json = run({"list", "axes"}, {"RINGATTN_JSON=-"});
  CHECK(json.code == 0);
  CHECK(Json::parse(json.out)["axes"].size() == 11);
  const Finished bad = run({"list"}, {"RINGATTN_COLOR=alwys"});
  CHECK(bad.code == 2);
  CHECK(contains(bad.err, "--color: unknown value \"alwys\""));
}

TEST_CASE("fields and axes come from the environment, and the command line beats it") {
  const std::vector<std::string> plan{"plan", "--preset",   "quick",  "-a", "is_causal=false",
                                      "-a",   "dtype=fp32", "--json", "-"};
  const auto cases = [](const Finished& f) {
    CHECK(f.code == 0);
    std::vector<std::string> ids;
    for (const Json& planned : Json::parse(f.out)) ids.push_back(planned["case"]);
    return ids;
  };
  using Ids = std::vector<std::string>;
  CHECK(cases(run(plan, {"RINGATTN_AXIS_RANKS=2"})) == Ids{"b1/n1024/h4/d64/fp32/full/k2"});
  std::vector<std::string> with_axis = plan;
  with_axis.insert(with_axis.end(), {"-a", "ranks=4"});
  CHECK(cases(run(with_axis, {"RINGATTN_AXIS_RANKS=2"})) == Ids{"b1/n1024/h4/d64/fp32/full/k4"});
  const Finished bad = run(plan, {"RINGATTN_SET_DROPUOT=1"});
  CHECK(bad.code == 2);
  CHECK(contains(bad.err, "RINGATTN_SET_DROPUOT"));
  CHECK(contains(bad.err, "did you mean \"dropout\"?"));
}

TEST_CASE("RINGATTN_SET_ changes a field and --set beats it") {
  const auto share = [](const std::vector<std::string>& sets, const std::vector<std::string>& variables) {
    std::vector<std::string> arguments{"plan", "-a",      "is_causal=false", "-a", "dtype=fp32",
                                       "-a",   "ranks=2", "--json",          "-"};
    arguments.insert(arguments.end(), sets.begin(), sets.end());
    const Finished f = run(arguments, variables);
    CHECK(f.code == 0);
    return Json::parse(f.out)[0]["covered_share"].get<double>();
  };
  CHECK(share({}, {}) < 1.0);  // quick is dilated: some rows see no key
  CHECK(share({}, {"RINGATTN_SET_PATTERN=dense"}) == 1.0);
  CHECK(share({"--set", "pattern=dilated"}, {"RINGATTN_SET_PATTERN=dense"}) < 1.0);
}

TEST_CASE("what is named and cannot run here exits 3 with the reason") {
  for (const char* backend : {"nccl", "gloo", "mpi"}) {
    const Finished f =
        run({"compare", "--old", "oracle", "--no-time", "--set", std::string("communication_backend=") + backend});
    CAPTURE(backend);
    CHECK(f.code == 3);
    CHECK(f.out.empty());
    CHECK(contains(f.err, std::string("communication_backend: ") + backend));
    CHECK(contains(f.err, "use auto or threads"));
  }
}

}  // namespace
}  // namespace ringattn

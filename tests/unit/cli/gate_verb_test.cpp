#include "cli/exit_code.h"
#include "cli/gate_run.h"
#include "config/json.h"
#include "tests/support/folder.h"
#include "tests/unit/cli/defective.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <string>

// `ringattn gate` as a whole, with a defect in the ring's place.

namespace ringattn {
namespace {

using test::Deed;
using test::Defective;

/// A folder with the baseline of the ring as it is.
class Stage {
 public:
  Stage() {
    GateOptions made = options();
    made.update_baseline = true;
    REQUIRE(gate(made, {}) == exit_yes);
  }

  /// The exit code of a gate in which every rank does `make`'s deed; said() is what it printed.
  int with(const std::function<Deed(RingAttention&)>& make) {
    GateOptions asked = options();
    asked.workload.json = folder_ / "report.json";
    asked.junit = folder_ / "gate.xml";
    return gate(asked, [&](RingAttention& ring) { return std::make_unique<Defective>(ring, make(ring)); });
  }
  const std::string& said() const { return said_; }
  std::string junit() const { return folder_.read("gate.xml"); }
  Json report() const { return Json::parse(folder_.read("report.json")); }

 private:
  GateOptions options() const {
    GateOptions options;
    options.baseline = folder_.path();
    options.no_time = true;
    options.run.quiet = true;
    options.workload.overrides.axes = {"batch=1",    "seq_len=64",     "heads=2",    "head_dim=8",
                                       "dtype=fp32", "is_causal=true", "ranks=2,4,8"};
    options.workload.overrides.sets = {"pattern=dense"};
    return options;
  }

  int gate(const GateOptions& asked, const GateStandIn& stand_in) {
    std::FILE* out = std::tmpfile();
    std::FILE* err = std::tmpfile();
    int code = 0;
    {
      Terminal terminal(ColorChoice::never, TerminalFacts{.columns = 400, .term = "xterm"}, out, err);
      code = run_gate(asked, terminal, stand_in);
    }
    std::fflush(out);
    std::rewind(out);
    char buffer[65536] = {};
    said_.assign(buffer, std::fread(buffer, 1, sizeof(buffer), out));
    std::fclose(out);
    std::fclose(err);
    return code;
  }

  test::Folder folder_;
  std::string said_;
};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("the gate's verdicts on planted defects, each with its words") {
  Stage stage;
  SUBCASE("nothing") {
    CHECK(stage.with([](RingAttention&) { return [](Communicator&, const RankInputs&, Partial&) {}; }) == exit_yes);
    CHECK(!contains(stage.said(), "fail"));
  }
  SUBCASE("one extra allocated byte") {
    CHECK(stage.with([](RingAttention& ring) { return test::only_in(4, test::one_byte_more(ring)); }) == exit_no);
    CHECK(contains(stage.said(), "fail peak_bytes b1/n64/h2/d8/fp32/causal/k4: rank 0 allocates "));
    CHECK(contains(stage.said(), " bytes above inputs and library workspace, baseline "));
    CHECK(contains(stage.said(), ": 1 more"));
    CHECK(contains(stage.junit(), "<failure type=\"fail\" message=\"rank 0 allocates "));
  }
  SUBCASE("one extra message") {
    CHECK(stage.with([](RingAttention& ring) { return test::only_in(2, test::one_message_more(ring)); }) == exit_no);
    CHECK(contains(stage.said(), "fail traffic b1/n64/h2/d8/fp32/causal/k2: rank 0 sends "));
    CHECK(contains(stage.said(), "rank 0 sends 2 messages, baseline 1: 1 more"));
  }
  SUBCASE("one wrong exponent: every rank keeps the whole sequence") {
    CHECK(stage.with(test::whole_sequence_kept) == exit_no);
    CHECK(contains(stage.said(),
                   "fail exponent b1/n64/h2/d8/fp32/causal/k*: bytes above inputs and library workspace "
                   "grow as k^-0."));
    CHECK(contains(stage.said(), ", baseline k^-"));
  }
  SUBCASE("one wrong value") {
    CHECK(stage.with([](RingAttention& ring) { return test::only_in(2, test::one_wrong_value(ring)); }) == exit_no);
    CHECK(contains(stage.said(), "fail numeric b1/n64/h2/d8/fp32/causal/k2: wrong value: "));
    CHECK(contains(stage.said(), "repeat: ringattn gate"));
    CHECK(stage.report()["exit_code"] == 1);
  }
}

}  // namespace
}  // namespace ringattn

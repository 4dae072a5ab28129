#include "cli/exit_code.h"
#include "cli/gate_run.h"
#include "config/json.h"
#include "tests/unit/cli/defective.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

// `ringattn gate` as a whole, with a defect in the ring's place.

namespace ringattn {
namespace {

namespace fs = std::filesystem;
using test::Deed;
using test::Defective;

constexpr std::int64_t kSeqLen = 64;

/// A folder with the baseline of the ring as it is.
class Stage {
 public:
  Stage() {
    std::string name = (fs::temp_directory_path() / "ringattn-planted-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    folder_ = name;
    GateOptions made = options();
    made.update_baseline = true;
    REQUIRE(gate(made, {}) == exit_yes);
  }
  ~Stage() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  /// The exit code of a gate in which every rank does `make`'s deed; said() is what it printed.
  int with(const std::function<Deed(RingAttention&)>& make) {
    GateOptions asked = options();
    asked.workload.json = (folder_ / "report.json").string();
    asked.junit = (folder_ / "gate.xml").string();
    return gate(asked, [&](RingAttention& ring) { return std::make_unique<Defective>(ring, make(ring)); });
  }
  const std::string& said() const { return said_; }
  std::string junit() const { return read(folder_ / "gate.xml"); }
  Json report() const { return Json::parse(read(folder_ / "report.json")); }

 private:
  GateOptions options() const {
    GateOptions options;
    options.baseline = folder_.string();
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

  static std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  fs::path folder_;
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
    CHECK(stage.with([](RingAttention& ring) {
      return [&ring](Communicator& c, const RankInputs& inputs, Partial& result) {
        if (c.rank() != 0 || c.world_size() != 4) return;
        const at::Tensor byte = at::empty({1}, at::kByte);  // alive while the ring runs
        result = ring.forward(c, inputs);
      };
    }) == exit_no);
    CHECK(contains(stage.said(), "fail peak_bytes b1/n64/h2/d8/fp32/causal/k4: rank 0 allocates "));
    CHECK(contains(stage.said(), " bytes above inputs and library workspace, baseline "));
    CHECK(contains(stage.said(), ": 1 more"));
    CHECK(contains(stage.junit(), "<failure type=\"fail\" message=\"rank 0 allocates "));
  }
  SUBCASE("one extra message") {
    CHECK(stage.with([](RingAttention&) {
      return [](Communicator& c, const RankInputs&, Partial&) {
        if (c.world_size() != 2) return;
        std::byte byte{};
        const Message message{.peer = 1 - c.rank(), .blocks = {{&byte, 1, 1, 1}}};
        Exchange exchange{.hop = 0, .sends = {}, .receives = {}};
        (c.rank() == 0 ? exchange.sends : exchange.receives).push_back(message);
        const Ticket ticket = c.post(std::move(exchange));
        c.wait_received(ticket);
        c.wait_sent(ticket);
      };
    }) == exit_no);
    CHECK(contains(stage.said(), "fail traffic b1/n64/h2/d8/fp32/causal/k2: rank 0 sends "));
    CHECK(contains(stage.said(), "rank 0 sends 2 messages, baseline 1: 1 more"));
  }
  SUBCASE("one wrong exponent: every rank keeps the whole sequence") {
    CHECK(stage.with([](RingAttention& ring) {
      return [&ring](Communicator& c, const RankInputs& inputs, Partial& result) {
        const at::Tensor all = at::empty({kSeqLen, 2, 8});
        result = ring.forward(c, inputs);
      };
    }) == exit_no);
    CHECK(contains(stage.said(),
                   "fail exponent b1/n64/h2/d8/fp32/causal/k*: bytes above inputs and library workspace "
                   "grow as k^-0."));
    CHECK(contains(stage.said(), ", baseline k^-"));
  }
  SUBCASE("one wrong value") {
    CHECK(stage.with([](RingAttention& ring) {
      return [&ring](Communicator& c, const RankInputs& inputs, Partial& result) {
        result = ring.forward(c, inputs);
        if (c.rank() == 1 && c.world_size() == 2) result.out[0][3][1][2] += 0.01;
      };
    }) == exit_no);
    CHECK(contains(stage.said(), "fail numeric b1/n64/h2/d8/fp32/causal/k2: wrong value: "));
    CHECK(contains(stage.said(), "repeat: ringattn gate"));
    CHECK(stage.report()["exit_code"] == 1);
  }
}

}  // namespace
}  // namespace ringattn

#include "config/resolve.h"

#include "support.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace ringattn {
namespace {

using test::guide_config;
using test::message_of;

Preset base() {
  return {.name = "mine", .description = "", .implementation = "standard", .config = guide_config(), .workload = {}};
}

Provenance find(const Resolved& resolved, const std::string& field) {
  for (const Provenance& p : resolved.provenance) {
    if (p.field == field) return p;
  }
  return {};
}

TEST_CASE("the command line beats the environment, which beats the preset, which beats the default") {
  const Env env = Env::from(
      {"RINGATTN_SET_DROPOUT=0.2", "RINGATTN_SET_RETRY_DELAY=2", "RINGATTN_AXIS_RANKS=2", "RINGATTN_AXIS_HEADS=4"});
  const Resolved r = resolve(base(), env, {.axes = {"ranks=8"}, .sets = {"dropout=0.3"}});
  CHECK(r.preset.config.dropout == 0.3);
  CHECK(r.preset.config.retry_delay == 2.0);
  CHECK(r.preset.workload.ranks == std::vector<std::int64_t>{8});
  CHECK(r.preset.workload.heads == std::vector<std::int64_t>{4});
  CHECK(find(r, "/config/dropout") == Provenance{"/config/dropout", "0.3", Source::command_line, "--set dropout=0.3"});
  CHECK(find(r, "/config/retry_delay") ==
        Provenance{"/config/retry_delay", "2.0", Source::environment, "RINGATTN_SET_RETRY_DELAY"});
  CHECK(find(r, "/config/segment_lengths") ==
        Provenance{"/config/segment_lengths", "[2048,4096]", Source::preset, "mine"});
  CHECK(find(r, "/workload/ranks") == Provenance{"/workload/ranks", "[8]", Source::command_line, "-a ranks=8"});
  CHECK(find(r, "/workload/heads").source == Source::environment);
  CHECK(find(r, "/workload/batch").source == Source::preset);
  CHECK(find(r, "/config/use_tf32").field.empty());
}

TEST_CASE("the last of two equal overrides counts") {
  const Resolved r = resolve(base(), {}, {.axes = {"ranks=2", "ranks=4"}, .sets = {"dropout=0.1", "dropout=0.2"}});
  CHECK(r.preset.config.dropout == 0.2);
  CHECK(r.preset.workload.ranks == std::vector<std::int64_t>{4});
}

TEST_CASE("an override that restores a default is still on record") {
  Preset preset = base();
  preset.config.dropout = 0.5;
  const Resolved r = resolve(preset, {}, {.axes = {}, .sets = {"dropout=0"}});
  CHECK(find(r, "/config/dropout") == Provenance{"/config/dropout", "0.0", Source::command_line, "--set dropout=0"});
}

TEST_CASE("rules between fields are checked once, after the last override") {
  CHECK_NOTHROW(resolve(base(), {}, {.axes = {}, .sets = {"segment_lengths=[64]", "dilation_rates=[1]"}}));
  CHECK(message_of([] { resolve(base(), {}, {.axes = {}, .sets = {"segment_lengths=[64]"}}); }) ==
        "segment_lengths and dilation_rates must have the same length: 1 != 2");
}

TEST_CASE("a dtype in the configuration is the workload's only one, and an axis must not contradict it") {
  const Resolved r = resolve(base(), {}, {.axes = {}, .sets = {"dtype=bf16"}});
  CHECK(r.preset.workload.dtype == std::vector<Dtype>{Dtype::bf16});
  CHECK(find(r, "/workload/dtype") ==
        Provenance{"/workload/dtype", R"(["bf16"])", Source::command_line, "--set dtype=bf16"});
  CHECK_NOTHROW(resolve(base(), {}, {.axes = {"dtype=bf16"}, .sets = {"dtype=bf16"}}));
  CHECK(message_of([] { resolve(base(), {}, {.axes = {"dtype=fp32"}, .sets = {"dtype=bf16"}}); }) ==
        "dtype: the configuration says bf16, -a dtype=fp32 says otherwise; leave one of them out");
}

TEST_CASE("a refused override names the flag or the variable") {
  CHECK(message_of([] { resolve(base(), {}, {.axes = {}, .sets = {"dropout"}}); }) ==
        "--set dropout: must be FIELD=VALUE, such as dropout=0.1");
  CHECK(message_of([] { resolve(base(), Env::from({"RINGATTN_SET_DROPUOT=1"}), {}); }) ==
        "RINGATTN_SET_DROPUOT dropuot: unknown field; did you mean \"dropout\"?");
  CHECK(message_of([] { resolve(base(), Env::from({"RINGATTN_AXIS_RANK=1"}), {}); }) ==
        "RINGATTN_AXIS_RANK rank=1: unknown axis \"rank\"; did you mean \"ranks\"?");
}

}  // namespace
}  // namespace ringattn

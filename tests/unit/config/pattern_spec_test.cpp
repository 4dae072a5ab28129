#include "config/pattern_spec.h"

#include "config/config_json.h"
#include "config/names.h"
#include "support.h"

#include <doctest/doctest.h>

namespace ringattn {
namespace {

using test::message_of;

PatternSpec read(const std::string& text) {
  const Json json = parse_json_strict(text, "p.json");
  return pattern_from_json(JsonValue(json, "p.json", "/pattern"));
}

TEST_CASE("each name stands for a point of its own among the axes") {
  for (const std::string& text : pattern_names()) {
    if (text == "auto" || text == "block_sparse") continue;
    const auto name = parse<PatternName>(text, "pattern");
    CHECK(name_of(axes_of(name)) == name);
  }
  CHECK(axes_of(PatternName::automatic) == axes_of(PatternName::dilated));
}

TEST_CASE("the axes of dense, dilated and dilated_keys are those of the documentation") {
  CHECK(axes_of(PatternName::dense) == PatternAxes{});
  const PatternAxes dilated = axes_of(PatternName::dilated);
  CHECK(dilated.placement == Placement::tiles);
  CHECK(dilated.heads == HeadRule::first);
  CHECK(dilated.offset == OffsetRule::pair);
  CHECK(dilated.queries == QueryRule::dilated);
  CHECK(dilated.keys == KeyRule::dilated);
  CHECK(dilated.join == JoinRule::groups);
  CHECK(dilated.order == OrderRule::position);
  CHECK(dilated.tail == TailRule::shortened);
  const PatternAxes keys = axes_of(PatternName::dilated_keys);
  CHECK(keys.placement == Placement::tiles);
  CHECK(keys.heads == HeadRule::last);
  CHECK(keys.offset == OffsetRule::pair);
  CHECK(keys.queries == QueryRule::all);
  CHECK(keys.keys == KeyRule::dilated);
  CHECK(keys.join == JoinRule::single);
  CHECK(keys.tail == TailRule::dense);
}

TEST_CASE("block_sparse removes blocks from dilated, or from dense where there are no pairs") {
  const PatternSpec spec = read(R"("block_sparse")");
  CHECK(axes_of(spec) == axes_of(PatternName::dilated));
  CHECK(axes_of(spec, false) == axes_of(PatternName::dense));
  CHECK(is_one_whole_pair(spec, false));
  CHECK_FALSE(is_one_whole_pair(spec, true));
  CHECK(blocks_of(spec) == BlockSparsity{.rule = BlockRule::local, .block_size = 64, .sparsity_ratio = 0.9});
  CHECK(to_json(spec).dump() == "\"block_sparse\"");
}

TEST_CASE("blocks are left out of a name, or of axes, and written so that they read back") {
  const PatternSpec named = read(R"({"from": "dense", "blocks": {"rule": "local", "sparsity_ratio": 0.5}})");
  CHECK(named.name == PatternName::dense);
  CHECK(blocks_of(named) == BlockSparsity{.rule = BlockRule::local, .sparsity_ratio = 0.5});
  CHECK(describe(named) == "dense in blocks of 64, local, 0.5 removed");
  for (
      const char* text :
      {R"({"from":"dense","blocks":{"rule":"local","block_size":64,"sparsity_ratio":0.5}})",
       R"({"from":"block_sparse","blocks":{"rule":"global_local","block_size":32,"sparsity_ratio":0.9,"global_blocks":2}})",
       R"({"from":"longnet","blocks":{"rule":"dilated","block_size":8,"sparsity_ratio":0.0,"rates":[1,2],"per_head":true}})",
       R"({"from":"dense","blocks":{"rule":"grid","block_size":16,"grid_width":32,"grid_radius":3}})"})
    CHECK(to_json(read(text)).dump() == text);
  const PatternSpec axes = read(R"({"from":"dense","order":"hilbert","blocks":{"rule":"grid","grid_width":9}})");
  CHECK(axes.name == PatternName::custom);
  CHECK(read(to_json(axes).dump()) == axes);
  CHECK(describe(axes) == "whole/all/pair/all/all/single/hilbert/short in blocks of 64, grid 9 wide, radius 0");
}

TEST_CASE("what blocks cannot mean is refused by name") {
  const auto refusal = [](const std::string& blocks) {
    return message_of([&] { read(R"({"from":"dense","blocks":)" + blocks + "}"); });
  };
  CHECK(refusal("{}").find("rule") != std::string::npos);
  CHECK(refusal(R"({"rule":"locl"})") ==
        "p.json: /pattern/blocks/rule: must be one of local, dilated, global_local, grid; did you mean \"local\"? (got "
        "\"locl\")");
  CHECK(refusal(R"({"rule":"local","sparsity_ratio":1.0})").find("at least 0 and below 1") != std::string::npos);
  CHECK(refusal(R"({"rule":"local","sparsity_ratio":-0.1})") != "no error");
  CHECK(refusal(R"({"rule":"local","block_size":0})") != "no error");
  CHECK(refusal(R"({"rule":"grid","grid_width":8,"sparsity_ratio":0.5})").find("grid_radius") != std::string::npos);
  CHECK(refusal(R"({"rule":"grid"})").find("pattern/blocks/grid_width") != std::string::npos);
  CHECK(refusal(R"({"rule":"local","per_head":true})").find("only rule \"dilated\" reads it") != std::string::npos);
  CHECK(refusal(R"({"rule":"local","global_blocks":2})").find("only rule \"global_local\" reads it") !=
        std::string::npos);
}

TEST_CASE("a pattern is read from a name or from axes, and written so that it reads back") {
  CHECK(read(R"("dilated_keys")") == PatternSpec{.name = PatternName::dilated_keys});
  const PatternSpec spec =
      read(R"({"from": "dilated_keys", "heads": "drop", "offset": "zero", "order": "turned", "tail": "short"})");
  CHECK(spec.name == PatternName::custom);
  CHECK(describe(spec) == "tiles/drop/zero/all/dilated/single/turned/short");
  CHECK(read(to_json(spec).dump()) == spec);
  CHECK(to_json(PatternSpec{.name = PatternName::dense}).dump() == "\"dense\"");
}

TEST_CASE("axes that are left out are those of dilated") {
  CHECK(axes_of(read("{}")) == axes_of(PatternName::dilated));
}

TEST_CASE("unknown names and axes are refused with the nearest") {
  CHECK(message_of([] { read(R"("dilated_key")"); }) ==
        "p.json: /pattern: must be one of auto, dense, dilated, dilated_keys, strided_keys, residue, longnet, "
        "block_sparse; "
        "did you mean \"dilated_keys\"? (got \"dilated_key\")");
  CHECK(message_of([] { read(R"("custom")"); }) != "no error");
  CHECK(message_of([] { read("3"); }) == "p.json: /pattern: must be a pattern name or an object of axes (got 3)");
  CHECK(message_of([] { read(R"({"placment": "tiles"})"); }) ==
        "p.json: /pattern/placment: unknown key; did you mean \"placement\"? (got \"tiles\")");
  CHECK(message_of([] { read(R"({"tail": "shortened"})"); }) ==
        "p.json: /pattern/tail: must be one of short, dense, zero (got \"shortened\")");
  CHECK(message_of([] { read(R"({"from": "auto"})"); }) != "no error");
}

TEST_CASE("join single is refused where several pairs meet on a row") {
  PatternAxes axes = axes_of(PatternName::longnet);
  CHECK_NOTHROW(validate(axes, 2));
  axes.join = JoinRule::single;
  CHECK_NOTHROW(validate(axes, 1));
  CHECK(message_of([&] { validate(axes, 2); }) ==
        "pattern/join: \"single\" needs pairs that never meet on a row, but with heads \"all\" and placement \"tiles\" "
        "all 2 pairs do; use \"mean\" or \"softmax\"");
  CHECK_NOTHROW(validate(axes_of(PatternName::residue), 3));
  CHECK_NOTHROW(validate(axes_of(PatternName::dilated_keys), 3));
}

TEST_CASE("names list every value and parse refuses the rest") {
  CHECK(names<Placement>() == std::vector<std::string>{"tiles", "spans", "first", "whole"});
  CHECK(names<TailRule>().front() == "short");
  CHECK(parse<JoinRule>("softmax", "join") == JoinRule::softmax);
  CHECK(message_of([] { parse<JoinRule>("sofmax", "join"); }) ==
        "join: unknown value \"sofmax\"; did you mean \"softmax\"?");
  CHECK(parse_dtype("torch.bfloat16", "dtype") == Dtype::bf16);
  CHECK(parse_dtype("float64", "dtype") == Dtype::fp64);
  CHECK(message_of([] { parse_dtype("int8", "dtype"); }).starts_with("dtype: unknown value \"int8\""));
}

}  // namespace
}  // namespace ringattn

#include "config/config_json.h"
#include "support.h"

#include <doctest/doctest.h>

namespace ringattn {
namespace {

using test::contains;
using test::guide_config;
using test::message_of;

/// A configuration in which every field differs from its default.
RingAttentionConfig unlike_default() {
  RingAttentionConfig c = guide_config();
  c.pattern = {.name = PatternName::custom, .axes = axes_of(PatternName::longnet)};
  c.dropout = 0.1;
  c.softmax_scale = 0.125;
  c.use_tf32 = false;
  c.device = Device::cpu;
  c.dtype = Dtype::bf16;
  c.layout = Layout::zigzag;
  c.backend = Backend::sdpa;
  c.ring_size = 4;
  c.communication_backend = CommunicationBackend::nccl;
  c.enable_error_recovery = false;
  c.max_retry_attempts = 9;
  c.retry_delay = 0.30000000000000004;
  c.use_memory_pool = false;
  c.preallocate_buffers = false;
  c.aggressive_memory_cleanup = true;
  c.overlap_communication = false;
  c.use_fused_kernels = false;
  c.compile_mode = CompileMode::max_autotune;
  c.enable_profiling = true;
  c.log_communication_stats = true;
  c.validate_gradients = true;
  c.use_hilbert = true;
  c.hilbert_curve_level = 10;
  c.hilbert_min_segment_size = 32;
  c.checkpoint_frequency = 100;
  c.enable_watchdog = true;
  c.watchdog_timeout = 12.5;
  return c;
}

std::string read_error(const std::string& text) {
  return message_of([&] { config_from_json_text(text, "c.json"); });
}

TEST_CASE("softmax_scale is null or above 0, from JSON and from --set") {
  RingAttentionConfig c = guide_config();
  set_field(c, "softmax_scale", "0.25", "--set");
  CHECK(c.softmax_scale == 0.25);
  for (const char* none : {"null", "none", "None"}) {
    c.softmax_scale = 0.5;
    set_field(c, "softmax_scale", none, "--set");
    CHECK_FALSE(c.softmax_scale.has_value());
  }
  CHECK(message_of([&] { set_field(c, "softmax_scale", "0", "--set"); }) ==
        "--set softmax_scale: must be null or above 0 (got 0)");
  CHECK(contains(message_of([&] { set_field(c, "softmax_scale", "-1", "--set"); }), "(got -1)"));
  c.softmax_scale = 0.0;
  CHECK(contains(message_of([&] { validate(c); }), "softmax_scale"));
  CHECK(contains(to_python(unlike_default()), "softmax_scale=0.125,  # ringattn only"));
}

TEST_CASE("every field is documented, and a configuration unlike the default lists them all") {
  const std::vector<FieldValue> changed = non_default_fields(unlike_default());
  REQUIRE(changed.size() == config_fields().size());
  for (std::size_t i = 0; i < changed.size(); ++i) {
    CHECK(changed[i].field == config_fields()[i].name);
    CHECK(changed[i].value != config_fields()[i].default_value);
    CHECK(!config_fields()[i].summary.empty());
    CHECK(!config_fields()[i].type.empty());
  }
  CHECK(non_default_fields(RingAttentionConfig{}).empty());
}

TEST_CASE("a configuration reads back exactly from its JSON, long or short") {
  for (const RingAttentionConfig& c : {guide_config(), unlike_default()}) {
    CHECK(config_from_json_text(to_json_text(c), "x") == c);
    CHECK(config_from_json_text(to_json_text_short(c), "x") == c);
  }
  RingAttentionConfig dense;
  dense.pattern.name = PatternName::dense;
  CHECK(config_from_json_text(to_json_text(dense), "x") == dense);
}

TEST_CASE("the short form holds what is not at its default") {
  CHECK(to_json_short(guide_config()).dump() == R"({"segment_lengths":[2048,4096],"dilation_rates":[1,2]})");
}

TEST_CASE("the guide's spelling of dtypes is read") {
  const auto dtype = [](const std::string& name) {
    return config_from_json_text(R"({"segment_lengths": [4], "dilation_rates": [1], "dtype": ")" + name + "\"}", "x")
        .dtype;
  };
  CHECK(dtype("torch.float32") == Dtype::fp32);
  CHECK(dtype("bfloat16") == Dtype::bf16);
  CHECK(dtype("auto") == std::nullopt);
}

TEST_CASE("a configuration's errors name source, pointer, value and what would be right") {
  CHECK(read_error("[]") == "c.json: must be an object (got [])");
  CHECK(read_error(R"({"segment_length": [4]})") ==
        "c.json: /segment_length: unknown key; did you mean \"segment_lengths\"? (got [4])");
  CHECK(read_error(R"({"segment_lengths": [4], "dilation_rates": [1, 2]})") ==
        "c.json: /segment_lengths: segment_lengths and dilation_rates must have the same length: 1 != 2");
  CHECK(read_error(R"({"segment_lengths": 4, "dilation_rates": 1})") ==
        "c.json: /segment_lengths: must be a list of positive integers such as [2048,4096] (got 4)");
  CHECK(read_error(R"({"segment_lengths": [], "dilation_rates": []})") ==
        "c.json: /segment_lengths: cannot be empty (got [])");
  CHECK(read_error(R"({"segment_lengths": [4096.0], "dilation_rates": [1]})") ==
        "c.json: /segment_lengths/0: must be a positive integer (got 4096.0)");
  CHECK(read_error("{}") ==
        "c.json: /segment_lengths: segment_lengths cannot be empty; give at least one length, or set pattern to dense");
  CHECK(read_error(R"({"communication_backend": "tcp"})") ==
        "c.json: /communication_backend: must be one of auto, threads, nccl, gloo, mpi (got \"tcp\")");
  CHECK(read_error(R"({"compile_mode": "fast"})") ==
        "c.json: /compile_mode: must be one of default, reduce-overhead, max-autotune (got \"fast\")");
  CHECK(read_error(R"({"use_tf32": "yes"})") == "c.json: /use_tf32: must be true or false (got \"yes\")");
  CHECK(read_error(R"({"dropout": 2})") == "c.json: /dropout: must be a number between 0.0 and 1.0 (got 2)");
  CHECK(read_error(R"({"dropout": 0, "dropout": 1})") == "c.json: /dropout: this key is given twice");
}

TEST_CASE("Python output is the guide's constructor call with what is not at its default") {
  RingAttentionConfig c = guide_config();
  CHECK(to_python(c) ==
        "RingAttentionConfig(\n"
        "    segment_lengths=[2048, 4096],\n"
        "    dilation_rates=[1, 2],\n"
        ")");
  c.dtype = Dtype::bf16;
  c.use_fused_kernels = false;
  c.compile_mode = CompileMode::reduce_overhead;
  c.pattern.name = PatternName::dilated_keys;
  CHECK(to_python(c) ==
        "RingAttentionConfig(\n"
        "    segment_lengths=[2048, 4096],\n"
        "    dilation_rates=[1, 2],\n"
        "    pattern=\"dilated_keys\",  # ringattn only: the Python class has no such field\n"
        "    dtype=torch.bfloat16,\n"
        "    use_fused_kernels=False,\n"
        "    compile_mode=\"reduce-overhead\",\n"
        ")");
  c.pattern = {.name = PatternName::custom, .axes = axes_of(PatternName::longnet)};
  CHECK(contains(to_python(c), "pattern={\"placement\": \"tiles\", \"heads\": \"all\", "));
}

TEST_CASE("a field is set from JSON or from a bare word") {
  RingAttentionConfig c = guide_config();
  set_field(c, "pattern", "dense", "--set");
  CHECK(c.pattern.name == PatternName::dense);
  set_field(c, "pattern", "\"dilated\"", "--set");
  CHECK(c.pattern.name == PatternName::dilated);
  set_field(c, "pattern", R"({"from": "dense", "tail": "zero"})", "--set");
  CHECK(c.pattern.axes.tail == TailRule::zero);
  set_field(c, "segment_lengths", "[512]", "--set");
  CHECK(c.segment_lengths == std::vector<std::int64_t>{512});
  set_field(c, "compile_mode", "reduce-overhead", "--set");
  CHECK(c.compile_mode == CompileMode::reduce_overhead);
  set_field(c, "compile_mode", "none", "--set");
  CHECK(c.compile_mode == CompileMode::none);
  set_field(c, "ring_size", "8", "--set");
  set_field(c, "ring_size", "null", "--set");
  CHECK(!c.ring_size.has_value());
  set_field(c, "use_hilbert", "true", "--set");
  CHECK(c.use_hilbert);
}

TEST_CASE("a refused --set names flag, field, value and what would be right") {
  const auto error = [](const std::string& field, const std::string& value) {
    RingAttentionConfig c;
    return message_of([&] { set_field(c, field, value, "--set"); });
  };
  CHECK(error("dropuot", "1") == "--set dropuot: unknown field; did you mean \"dropout\"?");
  CHECK(error("dropout", "2") == "--set dropout: must be a number between 0.0 and 1.0 (got 2)");
  CHECK(error("dropout", "much") == "--set dropout: must be a number between 0.0 and 1.0 (got \"much\")");
  CHECK(error("use_hilbert", "True") == "--set use_hilbert: must be true or false (got \"True\")");
  CHECK(error("device", "cuda:0") ==
        "--set device: must be one of auto, cpu, cuda; did you mean \"cuda\"? (got \"cuda:0\")");
  CHECK(error("segment_lengths", "[512,0]") == "--set segment_lengths: /1: must be a positive integer (got 0)");
  CHECK(error("segment_lengths", "512") ==
        "--set segment_lengths: must be a list of positive integers such as [2048,4096] (got 512)");
  CHECK(error("segment_lengths", "[512").starts_with("--set segment_lengths: not valid JSON: parse error"));
  CHECK(error("dropout", "").starts_with("--set dropout: not valid JSON: parse error"));
}

}  // namespace
}  // namespace ringattn

#include "config/axis.h"

#include "support.h"

#include <doctest/doctest.h>

namespace ringattn {
namespace {

using test::contains;
using test::message_of;
using Values = std::vector<std::int64_t>;

Values seq_len(const std::string& text) {
  Workload w;
  CHECK(apply_axis(w, text, "-a") == "seq_len");
  return w.seq_len;
}

std::string error(const std::string& text) {
  Workload w;
  return message_of([&] { apply_axis(w, text, "-a"); });
}

TEST_CASE("an axis takes a value, a list or a range") {
  CHECK(seq_len("seq_len=4096") == Values{4096});
  CHECK(seq_len("seq_len=1024,4096") == Values{1024, 4096});
  CHECK(seq_len("seq_len=[1024,4096]") == Values{1024, 4096});
  CHECK(seq_len("seq_len = [ 1024 , 4096 ]") == Values{1024, 4096});
  CHECK(seq_len("seq_len=[1024:4096:1024]") == Values{1024, 2048, 3072, 4096});
  CHECK(seq_len("seq_len=[1:8:3]") == Values{1, 4, 7});
  CHECK(seq_len("seq_len=3:5") == Values{3, 4, 5});
  CHECK(seq_len("seq_len=[7:7]") == Values{7});
}

TEST_CASE("powers of two take values, lists and ranges of exponents") {
  CHECK(seq_len("seq_len[pow2]=[12:14]") == Values{4096, 8192, 16384});
  CHECK(seq_len("seq_len[pow2]=[12:20:4]") == Values{4096, 65536, 1048576});
  CHECK(seq_len("seq_len[pow2]=0,10") == Values{1, 1024});
  CHECK(seq_len("seq_len[pow2]=[0:2]") == Values{1, 2, 4});
  CHECK(seq_len("seq_len[pow2]=62") == Values{std::int64_t{1} << 62});
}

TEST_CASE("each axis changes its own list and no other") {
  Workload w;
  apply_axis(w, "dtype=bf16,fp64", "-a");
  apply_axis(w, "is_causal=true", "-a");
  apply_axis(w, "batch=3", "-a");
  apply_axis(w, "heads=5", "-a");
  apply_axis(w, "head_dim=32", "-a");
  apply_axis(w, "ranks=[1,2,4]", "-a");
  const Workload wanted{.batch = {3},
                        .heads = {5},
                        .head_dim = {32},
                        .dtype = {Dtype::bf16, Dtype::fp64},
                        .is_causal = {true},
                        .ranks = {1, 2, 4}};
  CHECK(w == wanted);
  CHECK(axis_values(w, "dtype") == R"(["bf16","fp64"])");
  CHECK(axis_values(w, "is_causal") == "[true]");
}

TEST_CASE("a refused axis names the flag, the whole text and what would be right") {
  CHECK(error("seq_len") == "-a seq_len: must be NAME=SPEC, such as seq_len=1024,4096");
  CHECK(error("seqlen=4") == "-a seqlen=4: unknown axis \"seqlen\"; did you mean \"seq_len\"?");
  CHECK(error("=4") ==
        "-a =4: unknown axis \"\"; known: batch, seq_len, heads, head_dim, dtype, is_causal, ranks, kv_heads, window, "
        "documents, mask");
  CHECK(error("ranks=") == "-a ranks=: the list is empty");
  CHECK(error("ranks=[]") == "-a ranks=[]: the list is empty");
  CHECK(error("ranks=1,,2") == "-a ranks=1,,2: a value is missing between commas");
  CHECK(error("ranks=1,2,") == "-a ranks=1,2,: a value is missing between commas");
  CHECK(error("ranks=1,2,1") == "-a ranks=1,2,1: a value is given twice");
  CHECK(error("ranks=0") == "-a ranks=0: \"0\" is not a positive integer");
  CHECK(error("ranks=-4") == "-a ranks=-4: \"-4\" is not a positive integer");
  CHECK(error("ranks=4.0") == "-a ranks=4.0: \"4.0\" is not a positive integer");
  CHECK(error("ranks=4k") == "-a ranks=4k: \"4k\" is not a positive integer");
  CHECK(error("ranks=[1,2") == "-a ranks=[1,2: the brackets do not match, such as [1024,4096]");
  CHECK(error("seq_len=99999999999999999999") ==
        "-a seq_len=99999999999999999999: \"99999999999999999999\" is too large");
  CHECK(error("seq_len=[8:4]") == "-a seq_len=[8:4]: the range runs backwards: 8 is above 4");
  CHECK(error("seq_len=[1:8:0]") == "-a seq_len=[1:8:0]: \"0\" is not a positive integer");
  CHECK(error("seq_len=[1:2:3:4]") == "-a seq_len=[1:2:3:4]: a range is [from:to] or [from:to:step]");
  CHECK(error("seq_len=[:8]") == "-a seq_len=[:8]: \"\" is not a positive integer");
  CHECK(error("seq_len=1:2,7") == "-a seq_len=1:2,7: a range stands alone, such as [1024:8192:1024]");
  CHECK(contains(error("seq_len=[1:1000000]"), "the range has 1000000 values; at most 4096 are allowed"));
  CHECK(contains(error("seq_len=[1:9223372036854775807]"), "at most 4096 are allowed"));
  CHECK(error("seq_len[pow2]=63") == "-a seq_len[pow2]=63: 2^63 is too large; exponents go up to 62");
  CHECK(error("seq_len[pow3]=2") == "-a seq_len[pow3]=2: unknown modifier [pow3]; the only one is [pow2]");
  CHECK(error("seq_len[pow2=2") == "-a seq_len[pow2=2: the modifier must be closed, such as seq_len[pow2]=10,12");
  CHECK(error("dtype[pow2]=fp32") == "-a dtype[pow2]=fp32: [pow2] is for numbers");
  CHECK(error("dtype=fp33") == "-a dtype=fp33: unknown value \"fp33\"; did you mean \"fp32\"?");
  CHECK(error("dtype=fp32,float32") == "-a dtype=fp32,float32: a value is given twice");
  CHECK(error("is_causal=yes") == "-a is_causal=yes: \"yes\" is neither true nor false");
}

TEST_CASE("the axes of what a query sees are read in their own words, and written back in the same") {
  Workload w;
  apply_axis(w, "kv_heads=0,2", "-a");
  apply_axis(w, "window=none,256,256:0,-1:0", "-a");
  apply_axis(w, "documents=[1,3,0:100:4096]", "-a");
  apply_axis(w, "mask=none,padding,random,alibi,inputs,some/FILE.safetensors", "-a");
  CHECK(w.kv_heads == std::vector<std::int64_t>{0, 2});
  CHECK(w.window == std::vector<Window>{{-1, -1}, {256, 256}, {256, 0}, {-1, 0}});
  CHECK(w.documents == std::vector<DocumentSpec>{{1, {}}, {3, {}}, {2, {0, 100, 4096}}});
  CHECK(w.mask.size() == 6);
  CHECK(axis_values(w, "kv_heads") == "[0,2]");
  CHECK(axis_values(w, "window") == R"(["none","256","256:0","-1:0"])");
  CHECK(axis_values(w, "documents") == R"(["none","3","0:100:4096"])");
}

TEST_CASE("what is no window, document list or mask is refused with what would be right") {
  CHECK(error("window=wide") ==
        "-a window=wide: \"wide\" is no window; write none, 256 (both sides) or 256:0 (left:right, -1 for no limit)");
  CHECK(contains(error("window=-1"), "\"-1\" is no window"));
  CHECK(contains(error("window=1:2:3"), "\"1:2:3\" is no window"));
  CHECK(contains(error("window=-2:0"), "\"-2:0\" is no window"));
  CHECK(error("window=4,4:4") == "-a window=4,4:4: a value is given twice");
  CHECK(contains(error("documents=0"), "\"0\" is no number of documents; write none, a number of documents such as 3"));
  CHECK(contains(error("documents=1:5"), "\"1:5\" does not begin at 0"));
  CHECK(contains(error("documents=0:5:5"), "\"0:5:5\" does not ascend"));
  CHECK(contains(error("documents=0::5"), "\"0::5\" is no documents"));
  CHECK(contains(error("documents=99999999"), "is too many"));
  CHECK(error("kv_heads=-1") == "-a kv_heads=-1: \"-1\" is neither 0 nor a positive integer");
  CHECK(contains(error("mask=pading"), "unknown mask \"pading\"; did you mean \"padding\"?"));
  CHECK(contains(error("mask=mask.npy"), "a file's name ends in .safetensors"));
  CHECK(error("window[pow2]=4") == "-a window[pow2]=4: [pow2] is for numbers");
}

TEST_CASE("a mask's file has a name that reports and command lines can hold") {
  CHECK(contains(error("mask=\xff.safetensors"), "must be UTF-8 without commas"));
  CHECK(contains(message_of([] { parse_mask("a,b.safetensors", "x.json: /mask"); }), "x.json: /mask: the name of"));
  CHECK(contains(message_of([] { parse_mask(" a.safetensors", "x.json: /mask"); }), "neither a space nor ["));
  CHECK(contains(message_of([] { parse_mask("[a.safetensors", "x.json: /mask"); }), "neither a space nor ["));
  CHECK(parse_mask("m\u00e4sk [1].safetensors", "mask") == "m\u00e4sk [1].safetensors");
}

TEST_CASE("a refused axis leaves the workload as it was") {
  Workload w;
  message_of([&] { apply_axis(w, "ranks=2,0", "-a"); });
  CHECK(w == Workload{});
}

}  // namespace
}  // namespace ringattn

#include "config/json.h"
#include "program.h"
#include "tests/support/folder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

namespace ringattn {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::Finished;
using test::Folder;
using test::run;

const fs::path samples = fs::path(RINGATTN_SOURCE_DIR) / "tests/cli/migrate";

Json read_json(const fs::path& path) {
  std::ifstream stream(path);
  return Json::parse(stream);
}

Json migrated(const std::vector<std::string>& arguments, int code) {
  std::vector<std::string> all{"migrate", "--json", "-"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const Finished f = run(all);
  INFO(f.err);
  CHECK(f.code == code);
  return Json::parse(f.out);
}

/// The one use of a one-line source that imports a class from a module of the package.
Json use_of(const std::string& module, const std::string& name, const std::string& arguments) {
  const Folder folder;
  const std::string file = folder.write("a.py", "from dilated_attention_pytorch" + module + " import " + name +
                                                    "\nx = " + name + "(" + arguments + ")\n");
  const Finished f = run({"migrate", file, "--json", "-"});
  REQUIRE(f.code <= 1);
  return Json::parse(f.out)["files"][0]["uses"].at(0);
}

const std::string v2 = ".ring_dilated_attention_v2";

Json parameter(const Json& use, const std::string& name) {
  for (const Json& each : use["parameters"]) {
    if (each["parameter"] == name) return each;
  }
  return {};
}

/// Whether a value has exactly the keys that the schema's object requires, and nested ones likewise.
void check_keys(const Json& value, const Json& shape, const Json& schema) {
  if (shape.contains("$ref"))
    return check_keys(value, schema["$defs"][shape["$ref"].get<std::string>().substr(8)], schema);
  if (value.is_array() && shape.contains("items")) {
    for (const Json& element : value) check_keys(element, shape["items"], schema);
  }
  if (!value.is_object() || !shape.contains("required")) return;
  std::set<std::string> keys, required;
  for (const auto& item : value.items()) keys.insert(item.key());
  for (const Json& key : shape["required"]) required.insert(key.get<std::string>());
  CHECK(keys == required);
  for (const auto& item : value.items()) check_keys(item.value(), shape["properties"][item.key()], schema);
}

TEST_CASE("every use in the sample tree is found, none is invented, and unsure ones say so") {
  const Json expected = read_json(samples / "expected.json");
  const Json all = migrated({samples.string()}, 1);
  std::set<std::string> seen;
  for (const Json& file : all["files"]) {
    const std::string name = fs::relative(file["path"].get<std::string>(), samples).generic_string();
    CAPTURE(name);
    seen.insert(name);
    REQUIRE(expected.contains(name));
    CHECK(!file["error"].is_null() == expected[name]["unread"].get<bool>());
    Json found = Json::array();
    for (const Json& use : file["uses"]) {
      CHECK((use["is_sure"].get<bool>() || !use["reasons"].empty()));
      CHECK((use["outcome"] != "preserved" || use["reasons"].empty()));
      found.push_back(
          {{"line", use["line"]}, {"kind", use["kind"]}, {"class", use["class"]}, {"sure", use["is_sure"]}});
    }
    CHECK(found == expected[name]["uses"]);
  }
  CHECK(seen.size() == expected.size());
}

TEST_CASE("the JSON form has exactly the fields of its schema") {
  const Json schema = read_json(fs::path(RINGATTN_SOURCE_DIR) / "results/migration.schema.json");
  check_keys(migrated({samples.string()}, 1), schema, schema);
}

TEST_CASE("arguments by position and by name become the fields of the new configuration") {
  const Json use = use_of(v2, "RingDilatedAttentionV2", "[64, 128], [1, 2], 0.1, enable_memory_pool=False");
  CHECK(use["outcome"] == "preserved");
  CHECK(use["entries"] == Json({"v2"}));
  CHECK(use["config"] == Json::parse(R"({"segment_lengths":[64,128],"dilation_rates":[1,2],"pattern":"dilated_keys",
                                         "dropout":0.1,"use_memory_pool":false})"));
  CHECK(parameter(use, "dropout")["fate"] == "kept");
  CHECK(parameter(use, "enable_memory_pool")["fate"] == "renamed");
  CHECK(parameter(use, "enable_memory_pool")["field"] == "use_memory_pool");
  CHECK(contains(use["python"].get<std::string>(), "create_ring_attention(\"standard\", config)"));
  CHECK(contains(use["python"].get<std::string>(), "pattern=\"dilated_keys\",  # ringattn only"));
}

TEST_CASE("what has no field is dropped with the reason, what is unknown is refused with the nearest name") {
  const Json dropped = use_of(".ring_dilated_attention_v2_collective", "RingDilatedAttentionV2Collective",
                              "[64], [1], use_flash_attention=True, device=torch.device('cuda:1'), dtype=torch.half");
  CHECK(dropped["outcome"] == "preserved");
  CHECK(parameter(dropped, "use_flash_attention")["fate"] == "dropped");
  CHECK(dropped["config"]["device"] == "cuda");
  CHECK(dropped["config"]["dtype"] == "fp16");
  const Json refused = use_of(v2, "RingDilatedAttentionV2", "[64], [1], dropuot=0.1");
  CHECK(refused["outcome"] == "decide");
  CHECK(parameter(refused, "dropuot")["fate"] == "refused");
  CHECK(contains(parameter(refused, "dropuot")["words"].get<std::string>(), "did you mean \"dropout\"?"));
  const Json foreign = use_of(v2, "RingDilatedAttentionV2", "[64], [1], memory_efficient=True");
  CHECK(contains(parameter(foreign, "memory_efficient")["words"].get<std::string>(), "raised TypeError"));
  const Json bad = use_of(v2, "RingDilatedAttentionV2", "[64, 0], [1, 2]");
  CHECK(bad["outcome"] == "decide");
  CHECK(contains(bad["reasons"].dump(), "segment_lengths"));
}

TEST_CASE("one name of several classes is told apart by module and arguments, or is unsure") {
  CHECK(use_of(".ring.base", "RingDilatedAttentionV3", "8, 2, [64], [1]")["entries"] == Json({"v3"}));
  CHECK(use_of(".ring_dilated_attention_v3", "RingDilatedAttentionV3", "[64], [1], bucket_size=8")["entries"] ==
        Json({"v3b"}));
  CHECK(use_of(".ring_dilated_attention_v3", "RingDilatedAttentionV3", "[64], [1]")["entries"] == Json({"v3a", "v3b"}));
  CHECK(use_of(".true_ring_dilated_attention", "TrueRingDilatedAttention", "[64], [1]")["entries"] ==
        Json({"true_ring"}));
  const Json fixed = use_of(".ring_dilated_attention_fixed", "RingDilatedAttentionFixed", "[64], [1]");
  CHECK(fixed["is_sure"] == false);
  CHECK(contains(fixed["reasons"].dump(), "which one is it?"));
}

TEST_CASE("a configuration object stands for its fields") {
  const Json use = use_of(".ring_dilated_attention_production", "RingDilatedAttentionProduction",
                          "RingAttentionConfig(segment_lengths=[64], dilation_rates=[1], attention_scale=0.25)");
  CHECK(parameter(use, "attention_scale")["field"] == "softmax_scale");
  CHECK(parameter(use, "segment_lengths")["fate"] == "kept");
}

TEST_CASE("--write replaces preserved calls, keeps every other byte, and has nothing left to do the second time") {
  const Folder folder;
  const std::string head =
      "\xEF\xBB\xBF\"\"\"Doc.\"\"\"\r\nfrom dilated_attention_pytorch.ring_dilated_attention_v2 import ";
  const std::string body = "RingDilatedAttentionV2\r\n";
  const std::string file = folder.write(
      "a.py",
      head + body +
          "\r\nW = [64]\r\nname = \"\xC3\xA9\"; a = RingDilatedAttentionV2(W, [1],\r\n    dropout=0.1)  # é\r\n" +
          "b = RingDilatedAttentionV2(*W)");
  fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write | fs::perms::owner_exec);
  const Finished first = run({"migrate", file, "--write"});
  INFO(first.out, first.err);
  CHECK(first.code == 1);  // the second call is left to a person
  CHECK(contains(first.out, "+name = "));
  const std::string written = folder.read("a.py");
  CHECK(written == head + body +
                       "from dilated_attention_pytorch.ring import RingAttentionConfig, create_ring_attention\r\n"
                       "\r\nW = [64]\r\nname = \"\xC3\xA9\"; a = create_ring_attention(\"standard\", "
                       "RingAttentionConfig(segment_lengths=W, dilation_rates=[1], pattern=\"dilated_keys\", "
                       "dropout=0.1))  # é\r\nb = RingDilatedAttentionV2(*W)");
  CHECK((fs::status(file).permissions() & fs::perms::owner_exec) != fs::perms::none);
  const Finished second = run({"migrate", file, "--write"});
  CHECK(second.code == 1);
  CHECK(folder.read("a.py") == written);
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("--write leaves alone what it cannot replace soundly") {
  const std::string import = "from dilated_attention_pytorch.ring_dilated_attention_v2 import RingDilatedAttentionV2\n";
  const std::string call = "RingDilatedAttentionV2([64], [1])\n";
  for (const std::string& rest : std::vector<std::string>{
           "a = RingDilatedAttentionV2([64],  # short\n    [1])\n",                       // a comment would be lost
           "a = RingDilatedAttentionV2(lengths(), [1])\n",                                // not a plain expression
           "create_ring_attention = 3\na = " + call,                                      // the name is taken
           "def f(RingAttentionConfig):\n    return " + call,                             // and hidden here
           "class A(RingDilatedAttentionV2):\n    pass\n",                                // derived
           "from functools import partial\na = partial(RingDilatedAttentionV2, [64])\n",  // partial
           "a = RingDilatedAttentionV2\n",                                                // a reference
           "a = RingDilatedAttentionV2([64], [1], RingDilatedAttentionV2([64], [1]))\n",  // one inside the other
       }) {
    CAPTURE(rest);
    const Folder folder;
    const std::string file = folder.write("a.py", import + rest);
    CHECK(run({"migrate", file, "--write"}).code <= 1);
    CHECK(folder.read("a.py") == import + rest);
  }
  const Folder folder;
  const std::string latin = "# coding: latin-1\n" + import + "a = '\xE9'; b = " + call;
  CHECK(run({"migrate", folder.write("a.py", latin), "--write"}).code == 0);
  CHECK(folder.read("a.py") == latin);
}

TEST_CASE("folders: only sources, no caches or environments, each file once, and links go in no circle") {
  const Folder folder;
  const std::string text = "x = RingDilatedAttentionV2([64], [1])\n";
  for (const char* name : {"a.py", "b/c.py", "b/notes.txt", "b/d.ipynb", ".git/e.py", "__pycache__/f.py",
                           "env/pyvenv.cfg", "env/lib/g.py"}) {
    folder.write(name, text);
  }
  fs::create_directory_symlink(folder.path(), folder.path() + "/b/loop");
  fs::create_symlink(folder.path() + "/a.py", folder.path() + "/z.py");
  const Json all = migrated({folder.path(), folder.path() + "/a.py"}, 1);
  CHECK(all["counts"]["files"] == 2);
  CHECK(all["counts"]["uses"] == 2);
  CHECK(all["notebooks"].size() == 1);
  CHECK(all["files"][0]["path"] == folder.path() + "/a.py");
}

TEST_CASE("exit codes: preserved 0, to decide 1, bad path 2, no Python 3") {
  const Folder folder;
  const std::string good = folder.write("good.py",
                                        "from dilated_attention_pytorch.ring_dilated_attention_v2 import "
                                        "RingDilatedAttentionV2\na = RingDilatedAttentionV2([64], [1])\n");
  CHECK(run({"migrate", good}).code == 0);
  CHECK(run({"migrate", folder.write("none.py", "print(1)\n")}).code == 0);
  CHECK(run({"migrate", folder.write("broken.py", "print(\n")}).code == 1);
  CHECK(run({"migrate", folder.write("unsure.py", "a = RingDilatedAttentionV2([64], [1])\n")}).code == 1);
  const Finished gone = run({"migrate", folder.path() + "/gone.py"});
  CHECK(gone.code == 2);
  CHECK(contains(gone.err, "no such file or folder"));
  CHECK(contains(run({"migrate", folder.write("a.ipynb", "{}")}).err, "nbconvert"));
  const Finished misspelt = run({"migrate", good, "--class", "RingDilatedAttentionV22"});
  CHECK(misspelt.code == 2);
  CHECK(contains(misspelt.err, "did you mean \"RingDilatedAttentionV2\"?"));
  const Finished without = run({"migrate", good}, {"RINGATTN_PYTHON=/nowhere/python3"});
  CHECK(without.code == 3);
  CHECK(contains(without.err, "Python 3.8 or newer"));
}

TEST_CASE("--class reads for one class alone") {
  const Json all = migrated({samples.string(), "--class", "RingDilatedAttentionSDPA"}, 1);
  CHECK(all["counts"]["uses"] > 0);
  for (const Json& file : all["files"]) {
    for (const Json& use : file["uses"]) CHECK(use["class"] == "RingDilatedAttentionSDPA");
  }
}

}  // namespace
}  // namespace ringattn

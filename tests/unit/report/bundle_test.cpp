#include "report/bundle.h"

#include "config/error.h"
#include "report/json.h"
#include "tests/unit/report/example_report.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <unistd.h>

namespace ringattn {
namespace {

/// Reads an archive as POSIX describes it, checking each header's magic, size and checksum.
std::map<std::string, std::string> unpacked(const std::string& archive) {
  std::map<std::string, std::string> files;
  REQUIRE(archive.size() % 512 == 0);
  std::size_t at = 0;
  while (archive[at] != '\0') {
    const std::string header = archive.substr(at, 512);
    CHECK(header.substr(257, 8) == std::string("ustar\0"
                                               "00",
                                               8));
    unsigned sum = 0;
    for (std::size_t i = 0; i < 512; ++i) sum += (i >= 148 && i < 156) ? 32U : static_cast<unsigned char>(header[i]);
    CHECK(std::stoul(header.substr(148, 6), nullptr, 8) == sum);
    const std::size_t size = std::stoul(header.substr(124, 11), nullptr, 8);
    files[header.c_str()] = archive.substr(at + 512, size);
    at += 512 + (size + 511) / 512 * 512;
  }
  CHECK(archive.substr(at) == std::string(1024, '\0'));
  return files;
}

TEST_CASE("a ustar archive gives back its files, empty and block-sized ones too") {
  const std::string block(512, 'b');
  const auto files =
      unpacked(ustar_bytes({{"a/empty", ""}, {"a/block", block}, {"tensors", std::string("\0x", 2)}}, 1766480426));
  CHECK(files ==
        std::map<std::string, std::string>{{"a/empty", ""}, {"a/block", block}, {"tensors", std::string("\0x", 2)}});
}

TEST_CASE("names that leave the folder, repeat or are too long are refused") {
  for (const std::string& name :
       {std::string("/etc/passwd"), std::string("a/../../b"), std::string(".."), std::string(101, 'n'), std::string()})
    CHECK_THROWS_AS(ustar_bytes({{name, ""}}, 0), UsageError);
  CHECK_THROWS_WITH_AS(ustar_bytes({{"a", ""}, {"a", ""}}, 0), "bundle: a is in it twice", UsageError);
  CHECK_NOTHROW(ustar_bytes({{std::string(100, 'n'), ""}, {"a..b/c", ""}}, 0));
}

TEST_CASE("a bundle holds configuration, environment, report and tensors") {
  const auto path = std::filesystem::temp_directory_path() / ("ringattn_bundle." + std::to_string(::getpid()) + ".tar");
  const Report report = test::example_report();
  save_bundle(report, {{"tensors/case.safetensors", "bytes"}}, path);
  std::ifstream file(path, std::ios::binary);
  const std::string archive{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::filesystem::remove(path);
  const auto files = unpacked(archive);
  CHECK(files.size() == 5);
  CHECK(files.at("ringattn-bundle/report.json") == to_json_text(report));
  CHECK(Json::parse(files.at("ringattn-bundle/configuration.json"))["legacy"] == "v2");
  CHECK(Json::parse(files.at("ringattn-bundle/environment.json"))["cpu_model"] == "a CPU");
  CHECK(files.at("ringattn-bundle/tensors/case.safetensors") == "bytes");
  CHECK(files.at("ringattn-bundle/README.txt").find("tensors/case.safetensors") != std::string::npos);
}

}  // namespace
}  // namespace ringattn

#include "attention/safetensors.h"

#include "config/error.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <cstdio>
#include <fstream>
#include <random>
#include <string>

namespace ringattn {
namespace {

const std::string path = "ringattn_safetensors_test.safetensors";

struct Cleanup {
  ~Cleanup() { std::remove(path.c_str()); }
};

void write_bytes(const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::string framed(const std::string& header, std::size_t data_bytes) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i) & 0xFF);
  return bytes + header + std::string(data_bytes, '\1');
}

/// What the reader says about these bytes, without the file name; "" if it accepts them.
std::string refusal(const std::string& bytes) {
  const Cleanup cleanup;
  write_bytes(bytes);
  try {
    const SafetensorsFile file(path);
    for (const auto& [name, entry] : file.entries()) file.tensor(name);
  } catch (const UsageError& error) {
    const std::string message = error.what();
    REQUIRE(message.starts_with(path + ": "));
    return message.substr(path.size() + 2);
  }
  return "";
}

std::string refusal(const std::string& header, std::size_t data_bytes) { return refusal(framed(header, data_bytes)); }

TEST_CASE("tensors of every dtype come back equal, with names, shapes and metadata") {
  const Cleanup cleanup;
  NamedTensors tensors;
  for (at::ScalarType dtype : {at::kBool, at::kByte, at::kChar, at::kShort, at::kHalf, at::kBFloat16, at::kInt,
                               at::kFloat, at::kDouble, at::kLong}) {
    tensors.emplace_back(at::toString(dtype), at::arange(6).view({2, 3}).to(dtype));
  }
  tensors.emplace_back("scalar", at::tensor(3.5).squeeze());
  tensors.emplace_back("empty", at::zeros({3, 0, 2}));
  tensors.emplace_back("strided", at::arange(12, at::kFloat).view({3, 4}).t());
  tensors.emplace_back("left out", at::Tensor());
  write_safetensors(path, tensors, {{"source", "a \"test\"\n"}});
  const SafetensorsFile file(path);
  CHECK(file.entries().size() == tensors.size() - 1);
  CHECK_FALSE(file.contains("left out"));
  CHECK(file.metadata().at("source") == "a \"test\"\n");
  for (const auto& named : tensors) {
    const std::string& name = named.first;
    const at::Tensor& tensor = named.second;
    if (!tensor.defined()) continue;
    CAPTURE(name);
    CHECK((file.tensor(name).scalar_type() == tensor.scalar_type()));
    CHECK(file.tensor(name).sizes() == tensor.sizes());
    CHECK(at::equal(file.tensor(name), tensor));
    const auto address = reinterpret_cast<std::uintptr_t>(file.entry(name).data.data());
    CHECK(address % static_cast<std::uintptr_t>(tensor.element_size()) == 0);
  }
}

TEST_CASE("the bytes written are the documented format") {
  const at::Tensor tensor = at::tensor({1.0F, -2.0F});
  const std::string header = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  std::string expected = framed(header + std::string(56 - header.size(), ' '), 0);
  expected += std::string("\0\0\x80\x3f\0\0\0\xc0", 8);
  CHECK(encode_safetensors({{"a", tensor}}) == expected);
}

TEST_CASE("a file without tensors is valid, with padding or metadata") {
  CHECK(refusal("{}", 0).empty());
  CHECK(refusal("{}      ", 0).empty());
  CHECK(refusal(R"({"__metadata__":{"format":"pt"}})", 0).empty());
}

TEST_CASE("the frame is checked against the size of the file") {
  CHECK(refusal("") == "not a safetensors file: 0 bytes, the header's length needs 8");
  CHECK(refusal("1234567") == "not a safetensors file: 7 bytes, the header's length needs 8");
  CHECK(refusal(std::string("\3\0\0\0\0\0\0\0{}", 10)) ==
        "not a safetensors file: a header of 3 bytes is announced, 2 follow");
  CHECK(refusal(std::string(8, '\xff') + "{}") ==
        "not a safetensors file: a header of 18446744073709551615 bytes is announced, 2 follow");
  CHECK(refusal(std::string(8, '\0')) == "not a safetensors file: the header must begin with '{'");
  CHECK(refusal(" {}", 0) == "not a safetensors file: the header must begin with '{'");
  CHECK(refusal("{", 0).starts_with("not valid JSON: parse error"));
  CHECK(refusal("{}x", 0).starts_with("not valid JSON: parse error"));
}

TEST_CASE("tensors must tile the data: no overlap, no hole, nothing behind") {
  const auto two = [](const char* first, const char* second) {
    return std::string(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)") + first +
           R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}";
  };
  CHECK(refusal(two("[0,4]", "[4,8]"), 8).empty());
  CHECK(refusal(two("[4,8]", "[0,4]"), 8).empty());
  CHECK(refusal(two("[0,4]", "[0,4]"), 8) == "tensor 'b' overlaps another one");
  CHECK(refusal(two("[0,4]", "[3,7]"), 8) == "tensor 'b' overlaps another one");
  CHECK(refusal(two("[0,4]", "[5,9]"), 9) == "a hole of 1 bytes before tensor 'b'");
  CHECK(refusal(two("[1,5]", "[5,9]"), 9) == "a hole of 1 bytes before tensor 'a'");
  CHECK(refusal(two("[0,4]", "[4,8]"), 11) == "3 bytes after the last tensor");
  CHECK(refusal(two("[0,4]", "[5,9]"), 8) == "/b/data_offsets: must be [begin, end], begin <= end <= 8 (got [5,9])");
  CHECK(refusal(two("[4,0]", "[4,8]"), 8) == "/a/data_offsets: must be [begin, end], begin <= end <= 8 (got [4,0])");
  CHECK(refusal(two("[0,4,8]", "[4,8]"), 8) ==
        "/a/data_offsets: must be [begin, end], begin <= end <= 8 (got [0,4,8])");
  CHECK(refusal(two("[0,3]", "[3,7]"), 7) == "/a/data_offsets: must enclose the tensor's 4 bytes (got [0,3])");
}

TEST_CASE("each field of a tensor is checked by name") {
  CHECK(
      refusal(
          R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
          2) == "/a: this key is given twice");
  CHECK(refusal(R"({"a":7})", 0) == "/a: must be an object (got 7)");
  CHECK(refusal(R"({"a":{"shape":[1],"data_offsets":[0,1]}})", 1) == "/a/dtype: this key is required");
  CHECK(refusal(R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", 1) == "/a/shape: this key is required");
  CHECK(refusal(R"({"a":{"dtype":"U8","shape":[1]}})", 1) == "/a/data_offsets: this key is required");
  CHECK(refusal(R"({"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}})", 4).find("must be one of BOOL") !=
        std::string::npos);
  CHECK(refusal(R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1) ==
        "/a/shape/0: must be an integer, at least 0 (got -1)");
  CHECK(refusal(R"({"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}})", 1) ==
        "/a/shape/0: must be an integer, at least 0 (got 1.0)");
  CHECK(refusal(R"({"a":{"dtype":"U8","shape":"1","data_offsets":[0,1]}})", 1) ==
        "/a/shape: must be a list (got \"1\")");
  CHECK(refusal(R"({"__metadata__":{"format":1}})", 0) == "/__metadata__/format: must be a string (got 1)");
  CHECK(refusal(R"({"__metadata__":[]})", 0) == "/__metadata__: must be an object (got [])");
}

TEST_CASE("shapes whose product overflows are refused, also behind a zero") {
  const auto shape = [](const char* sizes) {
    return std::string(R"({"a":{"dtype":"F32","shape":)") + sizes + R"(,"data_offsets":[0,0]}})";
  };
  const std::string reason = "the product of the sizes must be below 2^63 bytes";
  CHECK(refusal(shape("[4294967296,4294967296]"), 0).find(reason) != std::string::npos);
  CHECK(refusal(shape("[0,4611686018427387904,8]"), 0).find(reason) != std::string::npos);
  CHECK(refusal(shape("[9223372036854775808]"), 0).find("must be an integer, at least 0") != std::string::npos);
  CHECK(refusal(shape("[0,4096]"), 0).empty());
  std::string many = "[0";
  for (int i = 0; i < 64; ++i) many += ",1";
  CHECK(refusal(shape((many + "]").c_str()), 0).find("at most 64 dimensions") != std::string::npos);
}

TEST_CASE("a damaged file is refused or read, but never crashes the reader") {
  const std::string good =
      encode_safetensors({{"query", at::ones({2, 3})}, {"mask", at::ones({5}, at::kBool)}}, {{"k", "v"}});
  std::mt19937 random(7);
  int refused = 0;
  for (int round = 0; round < 2000; ++round) {
    std::string bytes = good;
    const auto damage = 1 + random() % 3;
    for (std::uint32_t i = 0; i < damage; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
    if (random() % 4 == 0) bytes.resize(random() % bytes.size());
    refused += refusal(bytes).empty() ? 0 : 1;
  }
  CHECK(refused > 1000);
  CHECK(refused < 2000);  // damage to the numbers alone can't be seen
}

TEST_CASE("what cannot be opened or written is refused with file and reason") {
  CHECK_THROWS_WITH_AS(SafetensorsFile("."), ".: is not a regular file", UsageError);
  CHECK_THROWS_WITH_AS(SafetensorsFile("missing.safetensors"),
                       "missing.safetensors: cannot be opened: No such file or directory", UsageError);
  const at::Tensor one = at::ones({1});
  CHECK_THROWS_WITH_AS(write_safetensors("no/such/folder/x", {{"a", one}}),
                       "no/such/folder/x: cannot be written: No such file or directory", UsageError);
  CHECK_THROWS_WITH_AS(encode_safetensors({{"a", one}, {"a", one}}), "tensor 'a': the name is taken", UsageError);
  CHECK_THROWS_WITH_AS(encode_safetensors({{"__metadata__", one}}), "tensor '__metadata__': the name is taken",
                       UsageError);
  CHECK_THROWS_WITH_AS(encode_safetensors({{"z", one.to(at::kComplexFloat)}}),
                       "tensor 'z': safetensors has no dtype ComplexFloat", UsageError);
}

}  // namespace
}  // namespace ringattn

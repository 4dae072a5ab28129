#include "config/workload.h"

#include "config/error.h"
#include "config/window.h"

namespace ringattn {
namespace {

/// The product of the axes that say which function runs on the same shapes.
std::vector<Case> function_cases(const Workload& workload) {
  std::vector<Case> cases;
  for (const std::int64_t kv_heads : workload.kv_heads)
    for (const Window& window : workload.window)
      for (const DocumentSpec& documents : workload.documents)
        for (const std::string& mask : workload.mask)
          for (const bool is_causal : workload.is_causal) {
            Case c;
            c.is_causal = is_causal;
            c.kv_heads = kv_heads;
            c.window = window;
            c.documents = documents;
            c.mask = mask;
            cases.push_back(std::move(c));
          }
  return cases;
}

/// A slip on two axes must not fill the memory with cases.
void check_count(const Workload& w) {
  constexpr std::size_t cases_max = std::size_t{1} << 17;
  std::size_t cases = 1;
  for (const std::size_t values :
       {w.batch.size(), w.seq_len.size(), w.heads.size(), w.head_dim.size(), w.dtype.size(), w.is_causal.size(),
        w.ranks.size(), w.kv_heads.size(), w.window.size(), w.documents.size(), w.mask.size()}) {
    cases *= values;
    if (cases > cases_max)
      throw UsageError("axes: their product is more than " + std::to_string(cases_max) + " cases; give fewer values");
  }
}

/// A mask's name in a case id: a file's name without folder and ending.
std::string mask_stem(const std::string& mask) {
  const std::size_t slash = mask.rfind('/');
  const std::string name = slash == std::string::npos ? mask : mask.substr(slash + 1);
  return name.substr(0, name.rfind(".safetensors"));
}

}  // namespace

std::int64_t element_bytes(Dtype dtype) {
  switch (dtype) {
    case Dtype::fp64:
      return 8;
    case Dtype::fp32:
      return 4;
    case Dtype::bf16:
    case Dtype::fp16:
      return 2;
  }
  return 0;
}

std::vector<std::string> case_extras(const Case& c) {
  std::vector<std::string> words;
  if (c.kv_heads > 0) words.push_back("kv" + std::to_string(c.kv_heads));
  if (!c.window.is_open()) words.push_back("w" + to_string(c.window));
  if (!c.documents.is_one()) words.push_back("doc" + to_string(c.documents));
  if (c.mask != "none") words.push_back("mask-" + mask_stem(c.mask));
  return words;
}

std::string case_id(const Case& c) {
  std::string id = "b" + std::to_string(c.batch) + "/n" + std::to_string(c.seq_len) + "/h" + std::to_string(c.heads) +
                   "/d" + std::to_string(c.head_dim) + "/" + std::string(to_string(c.dtype)) +
                   (c.is_causal ? "/causal" : "/full") + "/k" + std::to_string(c.ranks);
  for (const std::string& word : case_extras(c)) id += "/" + word;
  return id;
}

std::vector<Case> expand(const Workload& workload) {
  const std::vector<Case> functions = function_cases(workload);
  std::vector<Case> cases;
  for (const std::int64_t batch : workload.batch)
    for (const std::int64_t seq_len : workload.seq_len)
      for (const std::int64_t heads : workload.heads)
        for (const std::int64_t head_dim : workload.head_dim)
          for (const Dtype dtype : workload.dtype)
            for (const Case& function : functions)
              for (const std::int64_t ranks : workload.ranks) {
                Case c = function;
                c.batch = batch;
                c.seq_len = seq_len;
                c.heads = heads;
                c.head_dim = head_dim;
                c.dtype = dtype;
                c.ranks = ranks;
                cases.push_back(std::move(c));
              }
  return cases;
}

void validate(const Workload& workload) {
  check_count(workload);
  for (const std::int64_t heads : workload.heads)
    for (const std::int64_t kv_heads : workload.kv_heads) {
      if (kv_heads == 0 || heads % kv_heads == 0) continue;
      throw UsageError("kv_heads: " + std::to_string(kv_heads) + " does not divide heads " + std::to_string(heads));
    }
  for (const std::int64_t seq_len : workload.seq_len)
    for (const DocumentSpec& documents : workload.documents) (void)cumulative_lengths(documents, seq_len);
  for (std::size_t i = 0; i < workload.mask.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) {
      if (mask_stem(workload.mask[i]) != mask_stem(workload.mask[j])) continue;
      throw UsageError("mask: " + workload.mask[j] + " and " + workload.mask[i] +
                       " would give cases of one id; rename one of the files");
    }
}

std::vector<std::string> axis_words(const Case& c, bool with_defaults) {
  std::vector<std::string> words{
      "batch=" + std::to_string(c.batch),         "seq_len=" + std::to_string(c.seq_len),
      "heads=" + std::to_string(c.heads),         "head_dim=" + std::to_string(c.head_dim),
      "dtype=" + std::string(to_string(c.dtype)), std::string("is_causal=") + (c.is_causal ? "true" : "false"),
      "ranks=" + std::to_string(c.ranks)};
  const auto add = [&](bool is_default, std::string word) {
    if (with_defaults || !is_default) words.push_back(std::move(word));
  };
  add(c.kv_heads == 0, "kv_heads=" + std::to_string(c.kv_heads));
  add(c.window.is_open(), "window=" + to_string(c.window));
  add(c.documents.is_one(), "documents=" + to_string(c.documents));
  add(c.mask == "none", "mask=" + c.mask);
  return words;
}

}  // namespace ringattn

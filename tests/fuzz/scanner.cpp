#include "scanner.h"

#include "cli/python_uses.h"
#include "embedded_scanner_server.h"
#include "fuzz.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>

// libFuzzer takes this section for counters of its own, and clears it before each input.
__attribute__((section("__libfuzzer_extra_counters"))) std::array<std::uint8_t, 4096> scanner_lines;

namespace ringattn::fuzz {

Scanner::Scanner() {
  std::array<int, 2> in{}, out{};
  require(pipe(in.data()) == 0 && pipe(out.data()) == 0, "there are pipes");
  const std::string script = scanner_prelude() + std::string(embedded::scanner_server.front().second);
  const char* named = std::getenv("RINGATTN_PYTHON");
  const char* words[] = {named != nullptr ? named : "python3", "-I", "-W", "ignore", "-c", script.c_str(), nullptr};
  child_ = fork();
  require(child_ >= 0, "a process can be made");
  if (child_ == 0) {
    dup2(in[0], 0);
    dup2(out[1], 1);
    for (const int end : {in[0], in[1], out[0], out[1]}) close(end);
    execvp(words[0], const_cast<char* const*>(words));
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  questions_ = in[1];
  answers_ = out[0];
}

Scanner::~Scanner() {
  close(questions_);
  close(answers_);
  waitpid(child_, nullptr, 0);
}

void Scanner::send(const std::string& bytes) {
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t sent = write(questions_, bytes.data() + at, bytes.size() - at);
    require(sent > 0 || errno == EINTR, "Python takes questions");
    if (sent > 0) at += static_cast<std::size_t>(sent);
  }
}

void Scanner::receive(void* bytes, std::size_t count) {
  auto* at = static_cast<char*>(bytes);
  while (count > 0) {
    errno = 0;
    const ssize_t got = read(answers_, at, count);
    require(got > 0 || errno == EINTR, "Python (python3 of PATH, or RINGATTN_PYTHON) answers and does not end");
    if (got <= 0) continue;
    at += got;
    count -= static_cast<std::size_t>(got);
  }
}

Json Scanner::ask(const std::vector<std::string>& classes, const std::vector<std::string>& helpers,
                  const std::vector<std::string>& texts) {
  Json task{{"classes", classes}, {"package", "dilated_attention_pytorch"}, {"helpers", helpers}};
  task["files"] = Json::array();
  for (const std::string& text : texts) task["files"].push_back(as_latin1(text));
  const std::string question = task.dump();
  auto length = static_cast<std::uint32_t>(question.size());
  std::string frame(sizeof(length), '\0');
  std::memcpy(frame.data(), &length, sizeof(length));
  send(frame + question);

  receive(&length, sizeof(length));
  std::string answer(length, '\0');
  receive(answer.data(), answer.size());
  receive(scanner_lines.data(), scanner_lines.size());
  Json said = Json::parse(answer);
  if (said.contains("exception")) std::fprintf(stderr, "%s\n", said["exception"].get<std::string>().c_str());
  require(!said.contains("exception"), "no Python source makes the scanner raise");
  return said;
}

}  // namespace ringattn::fuzz

#include "comm/loopback_port.h"

#include "config/error.h"

#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace ringattn {
namespace {

constexpr int kBacklog = 1024;

}  // namespace

LoopbackPort::LoopbackPort() : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  auto* const any = reinterpret_cast<sockaddr*>(&address);
  socklen_t length = sizeof(address);
  const bool is_open = descriptor_ >= 0 && bind(descriptor_, any, length) == 0 && listen(descriptor_, kBacklog) == 0 &&
                       getsockname(descriptor_, any, &length) == 0;
  if (!is_open) {
    const std::string error = std::strerror(errno);
    if (descriptor_ >= 0) close(descriptor_);
    throw RuntimeFailure("cannot listen at 127.0.0.1: " + error);
  }
  port_ = ntohs(address.sin_port);
}

LoopbackPort::~LoopbackPort() {
  if (descriptor_ >= 0) close(descriptor_);
}

int LoopbackPort::release() { return std::exchange(descriptor_, -1); }

}  // namespace ringattn

#pragma once

namespace ringattn {

/// A socket that listens at a free port of 127.0.0.1, for processes that meet on this host: handed on as it is, so that
/// nobody else can take the port in between. It is closed on exec, unless whoever hands it on says otherwise.
class LoopbackPort {
 public:
  /// RuntimeFailure where the system has none.
  LoopbackPort();
  ~LoopbackPort();
  LoopbackPort(const LoopbackPort&) = delete;
  LoopbackPort& operator=(const LoopbackPort&) = delete;

  int port() const { return port_; }
  int descriptor() const { return descriptor_; }
  /// The descriptor is its new owner's to close.
  int release();

 private:
  int descriptor_ = -1;
  int port_ = 0;
};

}  // namespace ringattn

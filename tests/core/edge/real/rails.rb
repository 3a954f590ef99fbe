# Reads cases as JSON from stdin and asks Rails' own request, behind its own middleware, for base URL and client address,
# and for where `config.force_ssl` sends it ("" where it lets it pass).
require "json"
require "logger"
require "action_dispatch"

def asked(case_, *middleware)
  environment = { "REQUEST_METHOD" => "GET", "PATH_INFO" => "/", "SCRIPT_NAME" => "", "QUERY_STRING" => "", "SERVER_NAME" => "server.internal",
                  "SERVER_PORT" => case_["port"].to_s, "REMOTE_ADDR" => case_["peer"], "rack.url_scheme" => case_["scheme"] }
  case_["headers"].each { |name, value| environment["HTTP_" + name.upcase.tr("-", "_")] = value }
  seen = nil
  application = ->(env) { seen = ActionDispatch::Request.new(env); [200, {}, []] }
  middleware.reverse_each { |make| application = make.call(application) }
  _, headers, = application.call(environment)
  [seen, headers["location"].to_s]
end

answers = JSON.parse($stdin.read).map do |case_|
  proxies = case_["trust"].map { |text| IPAddr.new(text) }
  # Rails 8.1 hands RemoteIp what Rack has read, ports taken off, and trusts link-local ranges; before, it read the header itself.
  read = ->(app) { ->(env) { (told = Rack::Request.new(env).forwarded_for) && env["HTTP_X_FORWARDED_FOR"] = told.compact.join(","); app.call(env) } }
  proxies = ActionDispatch::RemoteIp::TRUSTED_PROXIES + [IPAddr.new("169.254.0.0/16"), IPAddr.new("fe80::/10")] if proxies.empty?
  remote_ip = ->(app) { ActionDispatch::RemoteIp.new(app, true, proxies) }
  ssl = ->(app) { ActionDispatch::SSL.new(app) }
  assume_ssl = ->(app) { ActionDispatch::AssumeSSL.new(app) }
  request, = asked(case_, read, remote_ip)
  # What url_for of a controller is given.
  url = ActionDispatch::Http::URL.url_for(protocol: request.protocol, host: request.host, port: request.optional_port, path: "/")
  assumed, passed = asked(case_, assume_ssl, ssl)
  answer = { "forced" => asked(case_, ssl).last, "assumed" => assumed ? assumed.base_url : passed }
  begin
    answer.merge("url" => url, "client" => request.remote_ip.to_s, "refused" => false)
  rescue ActionDispatch::RemoteIp::IpSpoofAttackError
    answer.merge("url" => "", "client" => "", "refused" => true)
  end
end
$stdout.write(JSON.generate(answers))

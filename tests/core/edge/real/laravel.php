<?php
// Reads cases as JSON from stdin and asks Laravel's own request, behind its own TrustProxies, for base URL and client address.
require 'Illuminate/Http/autoload.php';
use Illuminate\Http\Middleware\TrustProxies;
use Illuminate\Http\Request;

if (!function_exists('config')) { function config($name) { return []; } }  // of an application that sets no proxies there

$sets = ['x-forwarded-for' => Request::HEADER_X_FORWARDED_FOR, 'x-forwarded-proto' => Request::HEADER_X_FORWARDED_PROTO,
         'x-forwarded-host' => Request::HEADER_X_FORWARDED_HOST, 'x-forwarded-port' => Request::HEADER_X_FORWARDED_PORT,
         'forwarded' => Request::HEADER_FORWARDED];
$answers = [];
foreach (json_decode(file_get_contents('php://stdin'), true) as $case) {
    $server = ['REMOTE_ADDR' => $case['peer'], 'SERVER_PORT' => $case['port'], 'SERVER_NAME' => 'server.internal', 'REQUEST_URI' => '/'];
    if ($case['scheme'] === 'https') { $server['HTTPS'] = 'on'; }
    foreach ($case['headers'] as $name => $value) { $server['HTTP_'.strtoupper(str_replace('-', '_', $name))] = $value; }
    TrustProxies::at($case['trust'] === ['*'] ? '*' : $case['trust']);
    TrustProxies::withHeaders(array_sum(array_map(fn ($name) => $sets[$name], $case['trusted_headers'])));
    $request = new Request([], [], [], [], [], $server);
    try {
        $answers[] = (new TrustProxies)->handle($request, fn ($request) =>
            ['url' => $request->root().'/', 'client' => $request->ip(), 'refused' => false]);
    } catch (Symfony\Component\HttpFoundation\Exception\RequestExceptionInterface $error) {
        $answers[] = ['url' => '', 'client' => '', 'refused' => true];
    }
}
echo json_encode($answers);

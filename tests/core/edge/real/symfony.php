<?php
// Reads cases as JSON from stdin and asks Symfony's own Request for base URL and client address.
require 'Symfony/Component/HttpFoundation/autoload.php';
use Symfony\Component\HttpFoundation\Request;

$sets = ['x-forwarded-for' => Request::HEADER_X_FORWARDED_FOR, 'x-forwarded-proto' => Request::HEADER_X_FORWARDED_PROTO,
         'x-forwarded-host' => Request::HEADER_X_FORWARDED_HOST, 'x-forwarded-port' => Request::HEADER_X_FORWARDED_PORT,
         'forwarded' => Request::HEADER_FORWARDED];
$answers = [];
foreach (json_decode(file_get_contents('php://stdin'), true) as $case) {
    $server = ['REMOTE_ADDR' => $case['peer'], 'SERVER_PORT' => $case['port'], 'SERVER_NAME' => 'server.internal'];
    if ($case['scheme'] === 'https') { $server['HTTPS'] = 'on'; }
    foreach ($case['headers'] as $name => $value) { $server['HTTP_'.strtoupper(str_replace('-', '_', $name))] = $value; }
    $set = 0;
    foreach ($case['trusted_headers'] as $name) { $set |= $sets[$name]; }
    Request::setTrustedProxies($case['trust'], $set);
    $request = new Request([], [], [], [], [], $server);
    try {
        $answers[] = ['url' => $request->getSchemeAndHttpHost().'/', 'client' => $request->getClientIp(), 'refused' => false];
    } catch (Exception $error) {
        $answers[] = ['url' => '', 'client' => '', 'refused' => true];
    }
}
echo json_encode($answers);

/// The release that this source is: of the command, the coordinator and the agent alike.
package enum Release {
    package static let text = "0.1.0"
}
